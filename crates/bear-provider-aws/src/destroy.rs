//! Taking machines away.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ec2::types::InstanceStateName;
use bear_core::event::StepError;
use bear_provider::DestroyRequest;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::Inner;
use crate::failure::Failure;
use crate::seen::{self, Seen, of_lineage};
use crate::words;

/// How many machines are terminated by one request.
const AT_ONCE: usize = 500;
/// How long it may take a machine to end. It may shut down in peace for minutes.
const ENDED_WITHIN: Duration = Duration::from_mins(15);
/// How long EC2 may take to show a machine that it has made.
const SHOWN_WITHIN: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_secs(2);

impl Inner {
    pub(crate) async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>> {
        let found = match self.find_doomed(requests).await {
            Ok(found) => found,
            Err(failure) => {
                let error = self.explain(&failure, "looking for the machines to terminate");
                return requests.iter().map(|_| Err(error.clone())).collect();
            }
        };
        let machines = requests.iter().map(|request| {
            let meant = found
                .iter()
                .filter(|seen| is_meant(seen, request) && seen.state != InstanceStateName::Terminated);
            meant.collect::<Vec<_>>()
        });
        let machines = machines.collect::<Vec<_>>();
        let alive = machines.iter().flatten().filter(|seen| seen.lives()).map(|seen| seen.id.clone());
        let alive = alive.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
        let refused = self.terminate(&alive).await;
        let refused = &refused;
        let ends = requests.iter().zip(&machines).map(|(request, machines)| async move {
            for machine in machines {
                if let Some((_, failure)) = refused.iter().find(|(id, _)| *id == machine.id) {
                    return Err(
                        self.explain(failure, &format!("terminating {} ({})", request.instance, machine.id))
                    );
                }
                self.wait_for_end(request, &machine.id).await?;
            }
            Ok(())
        });
        let mut results = join_all(ends).await;
        if let Err(error) = self.release_of(requests, &results).await {
            // The machine is gone and its address is not: it is tried again with the next destroy.
            for (request, result) in requests.iter().zip(&mut results) {
                if has_address(request) && result.is_ok() {
                    *result = Err(error.clone());
                }
            }
        }
        results
    }

    /// The machines of these instances. What is not shown is looked for a little: it may have been made just now.
    async fn find_doomed(&self, requests: &[DestroyRequest]) -> Result<Vec<Seen>, Failure> {
        let ids =
            requests.iter().filter_map(|request| request.machine.as_ref()).map(|machine| machine.id.clone());
        let ids = ids.collect::<Vec<_>>();
        let began = Instant::now();
        loop {
            let mut found = seen::list(&self.api, vec![of_lineage(&self.settings.lineage)]).await?;
            let shown = found.iter().map(|seen| seen.id.as_str()).collect::<BTreeSet<_>>();
            let missing = ids.iter().filter(|id| !shown.contains(id.as_str())).cloned().collect::<Vec<_>>();
            found.extend(seen::by_id(&self.api, &missing).await?);
            let all = requests.iter().all(|request| found.iter().any(|seen| is_meant(seen, request)));
            if all || began.elapsed() >= SHOWN_WITHIN {
                return Ok(found);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Asks for the end of machines, and returns those that can't be ended, each with the reason.
    async fn terminate(&self, ids: &[String]) -> Vec<(String, Failure)> {
        let mut refused = Vec::new();
        for ids in ids.chunks(AT_ONCE) {
            let mut rest = ids.to_vec();
            // EC2 ends all or none. What it names as the reason is left out, and the others are asked for again.
            while !rest.is_empty() {
                let answer = self
                    .api
                    .call("TerminateInstances", |ec2| {
                        ec2.terminate_instances().set_instance_ids(Some(rest.clone())).send()
                    })
                    .await;
                let Err(failure) = answer else { break };
                let named = |id: &String| failure.names(id);
                let culprits = rest.iter().filter(|id| named(id)).cloned().collect::<Vec<_>>();
                let culprits = if culprits.is_empty() { std::mem::take(&mut rest) } else { culprits };
                rest.retain(|id| !culprits.contains(id));
                // One that is not there any more has ended.
                if !failure.is_not_found() {
                    refused.extend(culprits.into_iter().map(|id| (id, failure.clone())));
                }
            }
        }
        refused
    }

    async fn wait_for_end(&self, request: &DestroyRequest, id: &str) -> Result<(), StepError> {
        let began = Instant::now();
        let doing = format!("waiting for the end of {} ({id})", request.instance);
        loop {
            let seen = self.poller.next(&self.api, &self.settings.lineage, id).await;
            let seen = seen.map_err(|failure| self.explain(&failure, &doing))?;
            let Some(seen) = seen else { return Ok(()) };
            if seen.state == InstanceStateName::Terminated {
                return Ok(());
            }
            if began.elapsed() >= ENDED_WITHIN {
                return Err(words::not_ended(&doing, self.region(), seen.state.as_str(), ENDED_WITHIN));
            }
        }
    }

    /// Releases the elastic addresses of machines that are gone.
    async fn release_of(
        &self,
        requests: &[DestroyRequest],
        results: &[Result<(), StepError>],
    ) -> Result<(), StepError> {
        let gone =
            requests.iter().zip(results).filter(|(request, result)| has_address(request) && result.is_ok());
        let tokens = gone.map(|(request, _)| request.token.as_str()).collect::<Vec<_>>();
        if tokens.is_empty() {
            return Ok(());
        }
        let released = self.release_addresses(Some(&tokens)).await;
        released.map_err(|failure| self.explain(&failure, "releasing elastic addresses"))
    }
}

/// Whether a machine is the one to destroy: the one that is recorded, else whichever has the token.
fn is_meant(seen: &Seen, request: &DestroyRequest) -> bool {
    match &request.machine {
        Some(machine) => seen.id == machine.id,
        None => seen.is_of(&request.token),
    }
}

fn has_address(request: &DestroyRequest) -> bool {
    request.spec.machine.as_ref().is_some_and(|machine| machine.elastic_ip)
}
