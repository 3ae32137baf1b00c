//! `tls.connect` and `wss.connect`: a certificate that holds for this broker, and a message that comes back within.

use bear_core::check::CheckName;
use rumqttc::QoS;

use super::round_trip;
use crate::failure::{Failure, Problem};
use crate::tls::Secured;
use crate::trial::Trial;
use crate::wire::Door;
use crate::{Cause, first_words};

/// One handshake to judge the certificate, then a round trip over connections of their own, each judged the same way.
pub(super) async fn comes_back(trial: &Trial<'_>, name: CheckName, door: Door<'_>) -> Result<(), Problem> {
    let deadline = trial.deadline();
    let secured = Secured::new(trial.target)?;
    let host = &trial.target.host;
    if let Err(failure) = secured.handshake(host, door.port, deadline).await {
        let told_by_bytes = match failure {
            Failure::NoTls | Failure::ClosedAtOnce { .. } | Failure::Silent { .. } => {
                first_words::explain_without_tls(host, door, trial.limits.check / 2).await
            }
            _ => None,
        };
        return Err(match told_by_bytes {
            Some(detail) => Problem { cause: Cause::Wrong, detail },
            None => failure.into(),
        });
    }
    let door = Door { tls: Some(&secured), ..door };
    let qos = QoS::AtLeastOnce;
    trial.over_any_version(|version| round_trip::comes_back(trial, version, name, door, qos, deadline)).await
}
