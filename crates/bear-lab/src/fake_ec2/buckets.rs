//! Throttling by token buckets, with the sizes and rates of EC2's page "Request throttling for the Amazon EC2 API".

use std::collections::HashMap;

use tokio::time::Instant;

use super::failure::Failure;
use super::query::Query;

/// How much a bucket holds, and how much comes in a second.
#[derive(Clone, Copy)]
struct Size {
    max: f64,
    rate: f64,
}

const fn size(max: f64, rate: f64) -> Size {
    Size { max, rate }
}

/// What is throttled more where a request has neither filters nor pages.
const UNFILTERED: [&str; 4] =
    ["DescribeInstanceStatus", "DescribeInstances", "DescribeSecurityGroups", "DescribeVolumes"];

/// The bucket that a request takes a token from.
fn request_bucket(action: &str, query: &Query<'_>) -> (String, Size) {
    let narrow =
        query.get("MaxResults").is_some() || query.get("NextToken").is_some() || query.has("Filter.");
    if UNFILTERED.contains(&action) && !narrow {
        return (format!("{action} unfiltered"), size(50.0, 10.0));
    }
    let size = match action {
        "RunInstances" | "StartInstances" => size(5.0, 2.0),
        "TerminateInstances" | "ModifyInstanceMetadataOptions" | "DeleteVolume" => size(100.0, 5.0),
        "CreateTags" | "DeleteTags" => size(100.0, 10.0),
        _ if action.starts_with("Describe") || action.starts_with("Get") => size(100.0, 20.0),
        _ => size(50.0, 5.0),
    };
    (action.to_owned(), size)
}

/// The bucket that a request takes a token from for each instance, and how many.
fn resource_bucket(action: &str, query: &Query<'_>) -> Option<(Size, f64)> {
    let instances = || u32::try_from(query.list("InstanceId").len()).ok();
    let (size, tokens) = match action {
        "RunInstances" => (size(1000.0, 2.0), query.parse::<u32>("MaxCount").ok().flatten()),
        "StartInstances" => (size(1000.0, 2.0), instances()),
        "StopInstances" | "TerminateInstances" => (size(1000.0, 20.0), instances()),
        _ => return None,
    };
    Some((size, tokens.unwrap_or(1).into()))
}

/// What is left in the buckets, by name; a bucket that is not here is full.
#[derive(Debug, Default)]
pub(super) struct Buckets(HashMap<String, (f64, Instant)>);

impl Buckets {
    /// Takes what a request costs, or nothing and an error.
    pub(super) fn take(&mut self, action: &str, query: &Query<'_>, now: Instant) -> Result<(), Failure> {
        let (name, size) = request_bucket(action, query);
        let mut costs = vec![(name, size, 1.0)];
        costs.extend(
            resource_bucket(action, query)
                .map(|(size, tokens)| (format!("{action} resources"), size, tokens)),
        );
        let left = costs.iter().map(|(name, size, tokens)| self.left(name, *size, now) - tokens);
        let left = left.collect::<Vec<_>>();
        if left.iter().any(|left| *left < 0.0) {
            return Err(Failure::throttled());
        }
        for ((name, _, _), left) in costs.into_iter().zip(left) {
            self.0.insert(name, (left, now));
        }
        Ok(())
    }

    fn left(&self, name: &str, size: Size, now: Instant) -> f64 {
        let refilled =
            |(left, then): &(f64, Instant)| left + now.duration_since(*then).as_secs_f64() * size.rate;
        self.0.get(name).map_or(size.max, refilled).min(size.max)
    }
}
