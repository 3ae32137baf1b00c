//! What the caller may do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::settings::ACCOUNT;
use super::super::truth::Truth;

/// The ARN of the user that [`super::super::ACCESS_KEY`] belongs to.
pub(super) fn caller() -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/bear")
}

/// An error that names the first thing that a request needs and its caller was denied.
pub(in super::super) fn check(truth: &Truth, action: &str, query: &Query<'_>) -> Result<(), Failure> {
    let own = Some(format!("ec2:{action}"));
    let tags = query.has("TagSpecification.").then(|| "ec2:CreateTags".to_owned());
    let pass = query.has("IamInstanceProfile.").then(|| "iam:PassRole".to_owned());
    let Some(denied) = [own, tags, pass].into_iter().flatten().find(|needed| truth.denied.contains(needed))
    else {
        return Ok(());
    };
    let user = caller();
    let region = &truth.settings.region;
    // What sts:DecodeAuthorizationMessage would tell; real ones are encrypted.
    let evidence = format!(r#"{{"allowed":false,"context":{{"action":"{denied}","resource":"*"}}}}"#);
    let message = format!(
        "You are not authorized to perform this operation. User: {user} is not authorized to perform: {denied} on \
         resource: arn:aws:ec2:{region}:{ACCOUNT}:* because no identity-based policy allows the {denied} action. \
         Encoded authorization failure message: {}",
        STANDARD.encode(evidence)
    );
    Err(Failure::new(403, "UnauthorizedOperation", message))
}
