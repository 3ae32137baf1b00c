//! Proving brokers: from here, and where that fails, a second look from the host itself.

mod aim;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bear_core::check::{CheckName, CheckResult};
use bear_core::event::StepError;
use bear_core::fleet::model::{Ports, ProviderKind};
use bear_engine::Verifier;
use bear_engine::adapter::VerifyRequest;
use bear_hosts::{Hosts, Place};
use bear_verify::{Cause, Finding, Limits};

use self::aim::Aim;
pub(crate) use self::aim::target;
use crate::credentials::Wallet;
use crate::random::random_id;

/// How many lines of its broker's log a failed proof shows.
const LOG_LINES: u32 = 20;

/// Proves brokers.
pub(super) struct Proving {
    pub(super) wallet: Arc<Wallet>,
    pub(super) hosts: Hosts,
    pub(super) project: PathBuf,
}

#[async_trait]
impl Verifier for Proving {
    async fn verify(
        &self,
        request: VerifyRequest,
        report: &(dyn Fn(CheckResult) + Send + Sync),
    ) -> Option<String> {
        let VerifyRequest { instance, machine, spec, installed } = &request;
        let place = Place { instance, spec, machine: Some(machine) };
        let remote = spec.provider != ProviderKind::Local;
        // Whoever else answers at this address could pass every check, and would be told the password of the clients.
        if remote && let Err(error) = self.known(place).await {
            report(CheckResult::failed(CheckName::HostKnown, Duration::ZERO, error.message));
            return None;
        }
        let Aim { target, unmet, forwards: _forwards } = match self.aim(place, machine, installed).await {
            Ok(aim) => aim?,
            Err(error) => {
                report(CheckResult::failed(CheckName::Tcp, Duration::ZERO, error.message));
                return None;
            }
        };
        let run = random_id().ok()?;
        let mut held = Vec::new();
        // From the first check that the host may tell more about, all wait, so that they stay in their order.
        let findings = bear_verify::verify(&target, &Limits::default(), &run[..10], |finding| {
            if remote && (!held.is_empty() || tells_more_on_the_host(finding)) {
                held.push(finding.result.clone());
            } else {
                report(finding.result.clone());
            }
        })
        .await;
        for (check, error) in unmet {
            report(CheckResult::failed(check, Duration::ZERO, error.message));
        }
        if !remote || findings.iter().all(|finding| finding.result.ok) {
            return None;
        }
        if held.is_empty() {
            return self.hosts.log(place, LOG_LINES).await;
        }
        let look = self.hosts.look(place, installed.ports).await;
        for mut result in held {
            let unanswered = findings
                .iter()
                .any(|finding| finding.result.name == result.name && tells_more_on_the_host(finding));
            if let Some(port) = port_of(result.name, &installed.ports).filter(|_| unanswered) {
                let there = look.detail(port);
                result.detail = Some(match result.detail {
                    Some(detail) => format!("{detail}; {there}"),
                    None => there,
                });
            }
            report(result);
        }
        look.log()
    }
}

impl Proving {
    /// Whether the host answers over SSH, with the key that is known.
    async fn known(&self, place: Place<'_>) -> Result<(), StepError> {
        self.hosts.ssh(place)?.connect().await.map_err(StepError::from)
    }
}

/// The port that a check is about.
fn port_of(check: CheckName, ports: &Ports) -> Option<u16> {
    match check {
        CheckName::WsConnect => ports.ws,
        CheckName::TlsConnect => ports.mqtts,
        CheckName::WssConnect => ports.wss,
        CheckName::DashboardHttp | CheckName::DefaultPasswordRefused | CheckName::BrokerVersion => {
            ports.dashboard
        }
        _ => ports.mqtt,
    }
}

fn tells_more_on_the_host(finding: &Finding) -> bool {
    finding.cause.is_some_and(Cause::may_differ_on_the_host)
}
