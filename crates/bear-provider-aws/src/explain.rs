//! What a failed request means to the person in front of it: a code, a sentence, and what to do next.

use bear_core::event::StepError;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::failure::{Cause, Failure, Remedy};

/// From how far apart two clocks are on, EC2 refuses requests.
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(4);
/// EC2's sentences may end in pages of code.
const MESSAGE_MAX: usize = 400;

const EXPIRED: [&str; 4] =
    ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];
const NOT_ACCEPTED: [&str; 6] = [
    "AuthFailure",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];
const QUOTA: [&str; 8] = [
    "AddressLimitExceeded",
    "InstanceLimitExceeded",
    "MaxSpotInstanceCountExceeded",
    "RulesPerSecurityGroupLimitExceeded",
    "SecurityGroupLimitExceeded",
    "TagLimitExceeded",
    "VcpuLimitExceeded",
    "VolumeLimitExceeded",
];
const UNKNOWN_IMAGE: [&str; 3] =
    ["InvalidAMIID.Malformed", "InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"];

impl Failure {
    /// Says of what was attempted, such as `launching 3 machines`, why it failed and what to do.
    pub(crate) fn explain(&self, doing: &str, region: &str) -> StepError {
        let doing = format!("{doing} in {region}");
        match &self.cause {
            Cause::NoCredentials(why) => error("bear::aws::no_credentials", format!("{doing}: there are no AWS credentials to be had: {}", in_short(why)))
                .with_help("log in as for the AWS CLI (`aws sso login`, `aws configure`, AWS_PROFILE), or name a `profile` under `provider: aws:`"),
            Cause::Unaskable(why) => error("bear::aws::settings", format!("{doing}: EC2 could not be asked: {why}"))
                .with_help("look at `provider: aws:` in the fleet file, at ~/.aws/config and at the variables AWS_*"),
            Cause::NoAnswer(why) => self.explain_silence(&doing, why, region),
            Cause::Refused { code, message, date, .. } => {
                let skew = date.as_deref().and_then(skew);
                let said = format!("{doing}: {} ({code})", readable(message));
                self.explain_access(code, message, skew, &doing, region)
                    .or_else(|| explain_wish(code, message, &said))
                    .unwrap_or_else(|| self.explain_rest(said))
            }
        }
    }

    fn explain_silence(&self, doing: &str, why: &str, region: &str) -> StepError {
        let said =
            format!("{doing}: no answer from EC2 ({}) in {} s: {why}", self.action, self.tried.as_secs());
        let help = format!(
            "is `{region}` the region, is the network up, and does a proxy (HTTPS_PROXY) or AWS_ENDPOINT_URL point elsewhere? Once EC2 answers, do the same again: nothing is done twice"
        );
        StepError::transient("bear::aws::no_answer", said).with_help(help)
    }

    /// Who asks, and what they may.
    fn explain_access(
        &self,
        code: &str,
        message: &str,
        skew: Option<SignedDuration>,
        doing: &str,
        region: &str,
    ) -> Option<StepError> {
        let about_time = EXPIRED.contains(&code) || NOT_ACCEPTED.contains(&code);
        if let Some(skew) = skew.filter(|skew| about_time && skew.abs() > SKEW_MAX) {
            let side = if skew.is_positive() { "behind" } else { "ahead of" };
            let said = format!(
                "{doing}: the clock of this machine is {} minutes {side} EC2's, so its signatures are not accepted ({code})",
                (skew.abs().as_secs() + 30) / 60
            );
            return Some(
                error("bear::aws::clock_skew", said)
                    .with_help("set the clock, for example with `timedatectl set-ntp true`"),
            );
        }
        if EXPIRED.contains(&code) {
            let said = format!("{doing}: the AWS credentials have expired ({code})");
            return Some(error("bear::aws::expired", said).with_help("log in again, for example with `aws sso login`, and do the same again: nothing is done twice"));
        }
        if NOT_ACCEPTED.contains(&code) {
            let said =
                format!("{doing}: EC2 does not accept these AWS credentials: {} ({code})", readable(message));
            let help = format!(
                "look with `aws sts get-caller-identity` whose they are; credentials are not accepted in a region that the account has not enabled either: is `{region}` the right one?"
            );
            return Some(error("bear::aws::credentials_refused", said).with_help(help));
        }
        if code == "OptInRequired" {
            let said = format!(
                "{doing}: the account has not enabled this region, or not subscribed to EC2 ({code})"
            );
            return Some(error("bear::aws::region_disabled", said).with_help(format!("enable `{region}` with `aws account enable-region --region-name {region}`, or choose another under `provider: aws: region:`")));
        }
        if code != "UnauthorizedOperation" && code != "AccessDenied" {
            return None;
        }
        let action = denied_action(message).unwrap_or_else(|| format!("ec2:{}", self.action));
        let said = format!("{doing}: these AWS credentials may not {action} ({code})");
        Some(error("bear::aws::denied", said).with_help(format!(
            "allow `{action}`; docs/aws-iam-policy.json has all that bear needs, and `bear doctor` checks it"
        )))
    }

    fn explain_rest(&self, said: String) -> StepError {
        match self.cause.remedy() {
            Remedy::SlowDown => StepError::transient("bear::aws::throttled", said)
                .with_help("others use up the account's requests in this region; do the same again later: nothing is done twice"),
            Remedy::AskAgain => StepError::transient("bear::aws::unavailable", said)
                .with_help("EC2 has trouble of its own (https://health.aws.amazon.com); do the same again later: nothing is done twice"),
            Remedy::None => error("bear::aws::refused", said)
                .with_help("EC2 says why in its own words; `bear doctor` tries the credentials and the permissions"),
        }
    }
}

/// What was asked for, and is not to be had.
fn explain_wish(code: &str, message: &str, said: &str) -> Option<StepError> {
    let about_type = code == "InvalidInstanceType"
        || (code == "InvalidParameterValue" && message.contains("InstanceType"));
    let (name, help) = if QUOTA.contains(&code) {
        (
            "bear::aws::quota",
            "the account may not have so many: ask for more under Service Quotas in the AWS console (EC2), or make the fleet smaller",
        )
    } else if UNKNOWN_IMAGE.contains(&code) {
        (
            "bear::aws::unknown_image",
            "images have other ids in every region; `image: ubuntu-22.04` finds the right one by itself",
        )
    } else if about_type {
        ("bear::aws::unknown_type", "`aws ec2 describe-instance-type-offerings` lists the types of a region")
    } else {
        match code {
            "VPCIdNotSpecified" | "MissingInput" => ("bear::aws::no_default_vpc", NO_DEFAULT_VPC),
            "InsufficientCapacity"
            | "InsufficientHostCapacity"
            | "InsufficientInstanceCapacity"
            | "InsufficientFreeAddressesInSubnet"
            | "Unsupported" => (
                "bear::aws::no_capacity",
                "try again later, choose another type under `machine:`, or name subnets in more zones",
            ),
            "OperationNotPermitted" => (
                "bear::aws::protected",
                "somebody has protected it against termination: `aws ec2 modify-instance-attribute --no-disable-api-termination --instance-id i-…` lifts that",
            ),
            "InvalidIPAddress.InUse" | "DependencyViolation" => (
                "bear::aws::in_use",
                "something that bear did not make uses it: take that away, then do the same again",
            ),
            "InvalidKey.Format" => (
                "bear::aws::key_format",
                "EC2 takes ed25519 and RSA keys only: `ssh-keygen -t ed25519`, then name it under `provider: aws: identity:`",
            ),
            "InvalidInstanceID.NotFound" | "InvalidInstanceID.Malformed" => (
                "bear::aws::not_found",
                "is that its id, and is it in this region? EC2 forgets a machine about an hour after its end",
            ),
            "InvalidVpcID.NotFound"
            | "InvalidSubnetID.NotFound"
            | "InvalidGroup.NotFound"
            | "InvalidKeyPair.NotFound" => (
                "bear::aws::not_found",
                "look at what `provider: aws:` names in the fleet file; `bear plan` shows whether what bear made itself is still there",
            ),
            _ => return None,
        }
    };
    Some(error(name, said).with_help(help))
}

/// What to do where the region has no default VPC.
pub(crate) const NO_DEFAULT_VPC: &str = "name a `vpc` or `subnets` under `provider: aws:`, or make a default one with `aws ec2 create-default-vpc`";

fn error(code: &'static str, said: impl Into<String>) -> StepError {
    StepError::permanent(code, said)
}

/// The action that a refusal names: `… is not authorized to perform: ec2:RunInstances on resource: …`.
fn denied_action(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    rest.split_whitespace().next().map(str::to_owned)
}

/// Why there are no credentials, without the list of all the places where the SDK looked for them.
fn in_short(why: &str) -> &str {
    let (why, _) = why.split_once(" Attempted:").unwrap_or((why, ""));
    why.trim_start_matches("dispatch failure: other: ").trim_end_matches('.')
}

/// EC2's sentence as it fits into one of ours.
fn readable(message: &str) -> String {
    let message = message.split(" Encoded authorization failure message").next().unwrap_or_default();
    let message = message.trim().trim_end_matches('.');
    if message.chars().count() <= MESSAGE_MAX {
        return message.to_owned();
    }
    message.chars().take(MESSAGE_MAX).chain(['…']).collect()
}

/// How far EC2's clock is ahead of this machine's.
fn skew(date: &str) -> Option<SignedDuration> {
    let theirs: Zoned = rfc2822::parse(date).ok()?;
    Some(theirs.timestamp().duration_since(Timestamp::now()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn explained(code: &str, message: &str) -> StepError {
        let cause = Cause::Refused { code: code.into(), message: message.into(), status: 400, date: None };
        Failure { action: "RunInstances", cause, in_doubt: false, tried: Duration::ZERO }
            .explain("launching 3 machines", "eu-west-3")
    }

    #[test]
    fn a_denied_request_names_the_action_and_hides_the_code() {
        let message = "You are not authorized to perform this operation. User: arn:aws:iam::1:user/me is not authorized to \
                       perform: ec2:CreateTags on resource: * because… Encoded authorization failure message: AbC123";
        let error = explained("UnauthorizedOperation", message);
        assert_eq!(
            error.message,
            "launching 3 machines in eu-west-3: these AWS credentials may not ec2:CreateTags (UnauthorizedOperation)"
        );
        assert!(error.help.unwrap().starts_with("allow `ec2:CreateTags`"));
    }

    #[test]
    fn without_a_named_action_it_is_the_request_itself() {
        let error = explained("UnauthorizedOperation", "You are not authorized to perform this operation.");
        assert!(error.message.contains("may not ec2:RunInstances"), "{}", error.message);
    }

    #[test]
    fn each_says_what_happened_and_what_to_do() {
        let of =
            |cause| Failure { action: "RunInstances", cause, in_doubt: false, tried: Duration::from_mins(2) };
        let explain = |cause| of(cause).explain("launching 3 machines", "eu-west-3");
        let refused = |code: &str, message: &str, status, date| {
            explain(Cause::Refused { code: code.into(), message: message.into(), status, date })
        };
        let ahead = (Timestamp::now() + SignedDuration::from_mins(11)).to_zoned(jiff::tz::TimeZone::UTC);
        let date = rfc2822::to_string(&ahead).unwrap();
        let no = |code, message| refused(code, message, 400, None);
        let errors = [
            explain(Cause::NoAnswer("connection refused (os error 111)".into())),
            explain(Cause::Unaskable("the endpoint is no URL".into())),
            refused("SignatureDoesNotMatch", "Signature expired.", 400, Some(date)),
            no("OptInRequired", "You are not subscribed to this service."),
            no("RequestLimitExceeded", "Request limit exceeded."),
            refused("InternalError", "An internal error has occurred.", 500, None),
            no("VPCIdNotSpecified", "No default VPC for this user."),
            no("OperationNotPermitted", "The instance may not be terminated."),
            no("SomethingNew", "It went wrong."),
        ];
        insta::assert_snapshot!(errors.each_ref().map(StepError::told).concat(), @"
        bear::aws::no_answer: launching 3 machines in eu-west-3: no answer from EC2 (RunInstances) in 120 s: connection refused (os error 111)
          help: is `eu-west-3` the region, is the network up, and does a proxy (HTTPS_PROXY) or AWS_ENDPOINT_URL point elsewhere? Once EC2 answers, do the same again: nothing is done twice
        bear::aws::settings: launching 3 machines in eu-west-3: EC2 could not be asked: the endpoint is no URL
          help: look at `provider: aws:` in the fleet file, at ~/.aws/config and at the variables AWS_*
        bear::aws::clock_skew: launching 3 machines in eu-west-3: the clock of this machine is 11 minutes behind EC2's, so its signatures are not accepted (SignatureDoesNotMatch)
          help: set the clock, for example with `timedatectl set-ntp true`
        bear::aws::region_disabled: launching 3 machines in eu-west-3: the account has not enabled this region, or not subscribed to EC2 (OptInRequired)
          help: enable `eu-west-3` with `aws account enable-region --region-name eu-west-3`, or choose another under `provider: aws: region:`
        bear::aws::throttled: launching 3 machines in eu-west-3: Request limit exceeded (RequestLimitExceeded)
          help: others use up the account's requests in this region; do the same again later: nothing is done twice
        bear::aws::unavailable: launching 3 machines in eu-west-3: An internal error has occurred (InternalError)
          help: EC2 has trouble of its own (https://health.aws.amazon.com); do the same again later: nothing is done twice
        bear::aws::no_default_vpc: launching 3 machines in eu-west-3: No default VPC for this user (VPCIdNotSpecified)
          help: name a `vpc` or `subnets` under `provider: aws:`, or make a default one with `aws ec2 create-default-vpc`
        bear::aws::protected: launching 3 machines in eu-west-3: The instance may not be terminated (OperationNotPermitted)
          help: somebody has protected it against termination: `aws ec2 modify-instance-attribute --no-disable-api-termination --instance-id i-…` lifts that
        bear::aws::refused: launching 3 machines in eu-west-3: It went wrong (SomethingNew)
          help: EC2 says why in its own words; `bear doctor` tries the credentials and the permissions
        ");
    }

    #[test]
    fn what_is_not_known_is_said_in_ec2s_words() {
        let error = explained("SomethingNew", "It went wrong. Encoded authorization failure message: AbC123");
        assert_eq!(error.message, "launching 3 machines in eu-west-3: It went wrong (SomethingNew)");
        assert!(!error.transient);
    }
}
