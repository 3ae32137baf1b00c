//! Answers in pages.

use std::collections::HashSet;

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::truth::Truth;
use super::super::xml::Xml;

/// How large the pages of an action may be.
#[derive(Clone, Copy)]
pub(super) struct Pages {
    min: usize,
    max: usize,
    /// The size where none is asked for; all at once for `None`.
    default: Option<usize>,
}

impl Pages {
    /// All at once, or in pages of 5 to 1,000.
    pub(super) const WHOLE: Self = Self { min: 5, max: 1000, default: None };
    /// In pages of 5 to 1,000, whether asked for or not.
    pub(super) const THOUSAND: Self = Self { min: 5, max: 1000, default: Some(1000) };
    /// In pages of 5 to 100, whether asked for or not.
    pub(super) const HUNDRED: Self = Self { min: 5, max: 100, default: Some(100) };

    /// The ids of one page, and the token for the next. What was found by the first request is what the pages are of:
    /// things that end in between are left out, things that begin in between don't come.
    pub(super) fn cut(
        self,
        truth: &mut Truth,
        query: &Query<'_>,
        found: Vec<String>,
    ) -> Result<(Vec<String>, Option<String>), Failure> {
        let size = query.parse::<usize>("MaxResults")?;
        if let Some(size) = size.filter(|size| !(self.min..=self.max).contains(size)) {
            let bound = if size < self.min {
                ("greater than or equal to", self.min)
            } else {
                ("less than", self.max + 1)
            };
            let (than, bound) = bound;
            return Err(Failure::invalid_value(format!(
                "Value ( {size} ) for parameter maxResults is invalid. Expecting a value {than} {bound}."
            )));
        }
        let mut ids = match query.get("NextToken") {
            None => found,
            Some(token) => {
                let rest = truth.pages.get(token).cloned().ok_or_else(|| {
                    Failure::new(400, "InvalidPaginationToken", "Unable to parse pagination token")
                })?;
                let found = found.iter().collect::<HashSet<_>>();
                rest.into_iter().filter(|id| found.contains(id)).collect()
            }
        };
        let size = size.or(self.default).unwrap_or(usize::MAX);
        if ids.len() <= size {
            return Ok((ids, None));
        }
        let rest = ids.split_off(size);
        let token = truth.chance.id("page");
        truth.pages.insert(token.clone(), rest);
        Ok((ids, Some(token)))
    }
}

/// An error if a request names resources and asks for pages as well.
pub(super) fn no_pages_of(query: &Query<'_>, list: &str, set: &str) -> Result<(), Failure> {
    if !query.list(list).is_empty() && query.get("MaxResults").is_some() {
        return Err(Failure::combination(format!(
            "The parameter {set} cannot be used with the parameter maxResults"
        )));
    }
    Ok(())
}

/// Writes the token for the next page.
pub(super) fn next(xml: &mut Xml, token: Option<String>) {
    xml.maybe("nextToken", token);
}
