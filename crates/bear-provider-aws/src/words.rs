//! Errors that bear finds by itself rather than in an answer of EC2's: a code, a sentence, and what to do next.

use std::fmt::Display;
use std::time::Duration;

use bear_core::event::StepError;

/// It is not there any more, or was never shown; `why` is EC2's word for it.
pub(crate) fn ended(instance: &dyn Display, id: &str, region: &str, why: Option<&str>) -> StepError {
    let why = why.unwrap_or("EC2 gives no reason");
    let help = if why.starts_with("Client.VolumeLimit") {
        "the account may not have so many disks: ask for more under Service Quotas in the AWS console (EBS)"
    } else if why.contains("Client.UserInitiatedShutdown") {
        "somebody terminated it; `bear apply` makes a new one"
    } else if why.contains("Spot") {
        "EC2 took back the spare capacity; `bear apply` makes a new one, and without `spot: true` one that stays"
    } else if why.contains("Client.InvalidKMSKey") {
        "the key that disks are encrypted with by default is not to be used: look at EBS encryption in the EC2 console"
    } else {
        "`bear apply` makes a new one"
    };
    let said = format!("the machine of {instance} ({id} in {region}) was terminated: {why}");
    StepError::permanent("bear::aws::ended", said).with_help(help)
}

/// A machine that does not come to run.
pub(crate) fn not_running(
    instance: &dyn Display,
    id: &str,
    region: &str,
    state: &str,
    waited: Duration,
) -> StepError {
    let minutes = waited.as_secs() / 60;
    let said =
        format!("the machine of {instance} ({id} in {region}) is still {state} after {minutes} minutes");
    StepError::transient("bear::aws::not_running", said)
        .with_help("look at it in the EC2 console; `bear apply` goes on from here")
}

/// A machine that does not come to its end. `doing` is such as `waiting for the end of daily-emqx-1 (i-…)`.
pub(crate) fn not_ended(doing: &str, region: &str, state: &str, waited: Duration) -> StepError {
    let minutes = waited.as_secs() / 60;
    let said = format!("{doing} in {region}: it is still {state} after {minutes} minutes");
    StepError::transient("bear::aws::not_ended", said)
        .with_help("look at it in the EC2 console; `bear destroy` goes on from here")
}

/// Machines keep what they share from being removed.
pub(crate) fn machines_left(region: &str, ids: &str) -> StepError {
    let said = format!("removing the foundation in {region}: machines of the fleet still live: {ids}");
    StepError::permanent("bear::aws::machines_left", said).with_help(
        "`bear status` lists them as strays if the state does not know them; terminate them, or adopt them with \
         `bear import`",
    )
}

/// Something is marked as the fleet's though all was removed.
pub(crate) fn remains(region: &str, ids: &str) -> StepError {
    let said = format!("removing the foundation in {region}: there is still something left: {ids}");
    StepError::permanent("bear::aws::remains", said).with_help(
        "these bear the fleet's lineage as a tag; delete them if nobody needs them, then do the same again",
    )
}

/// The group that bear made is gone.
pub(crate) fn no_group(region: &str, name: &str) -> StepError {
    StepError::permanent("bear::aws::no_foundation", format!("{region} has no security group {name}"))
        .with_help("`bear apply` makes it anew")
}

/// A group of somebody else's has the name.
pub(crate) fn group_taken(region: &str, name: &str) -> StepError {
    let said = format!(
        "making the security group {name} in {region}: the name is taken, by a group that is not marked as this \
         fleet's"
    );
    StepError::permanent("bear::aws::name_taken", said).with_help(
        "rename or delete that group if nobody needs it, or name one under `provider: aws: security_groups:`",
    )
}

/// An instance came to the client of another region.
pub(crate) fn other_region(instance: &dyn Display, wanted: &str, region: &str) -> StepError {
    let said = format!("launching {instance}: it belongs into {wanted}, and this is for {region}");
    StepError::permanent("bear::aws::other_region", said)
        .with_help("this is a bug in bear; please report it with your fleet file")
}

/// An instance whose spec says nothing of a machine.
pub(crate) fn no_machine(instance: &dyn Display) -> StepError {
    let said = format!("launching {instance}: it has no `machine`, so there is nothing to ask for");
    StepError::permanent("bear::aws::no_machine", said)
        .with_help("write `machine: { type: …, image: … }` into its group in the fleet file")
}

/// The machine that is to be imported is another instance's. `doing` is such as `importing i-… as daily-emqx-1`.
pub(crate) fn other_instance(doing: &str, other: &dyn Display) -> StepError {
    let said = format!("{doing}: it is marked as the machine of {other}");
    StepError::permanent("bear::aws::other_instance", said).with_help(format!(
        "import it as {other}, or take the tags that begin with `bear:` off it in the EC2 console"
    ))
}

/// A machine that was made, and is nowhere to be seen.
pub(crate) fn not_shown(instance: &dyn Display, waited: Duration) -> StepError {
    let seconds = waited.as_secs();
    let said = format!(
        "EC2 says that it has made a machine for {instance} before, and does not show it within {seconds} s"
    );
    StepError::transient("bear::aws::not_shown", said)
        .with_help("do the same again in a few minutes: no second one is made")
}

/// A network without a place for a machine.
pub(crate) fn no_subnet(region: &str, vpc: &str) -> StepError {
    StepError::permanent("bear::aws::no_subnet", format!("{vpc} in {region} has no subnet"))
        .with_help("make a subnet in it, or name another `vpc` under `provider: aws:`")
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCE: &str = "daily-emqx-1";
    const ID: &str = "i-0123456789abcdef0";
    const REGION: &str = "eu-west-3";

    #[test]
    fn of_machines() {
        let minutes = Duration::from_mins(10);
        let errors = [
            ended(&INSTANCE, ID, REGION, Some("Client.UserInitiatedShutdown: User initiated shutdown")),
            not_running(&INSTANCE, ID, REGION, "pending", minutes),
            not_ended(&format!("waiting for the end of {INSTANCE} ({ID})"), REGION, "shutting-down", minutes),
            not_shown(&INSTANCE, Duration::from_mins(2)),
            no_machine(&INSTANCE),
            other_region(&INSTANCE, "eu-central-1", REGION),
            other_instance(&format!("importing {ID} as {INSTANCE}"), &"daily-emqx-2"),
        ];
        insta::assert_snapshot!(errors.each_ref().map(StepError::told).concat(), @"
        bear::aws::ended: the machine of daily-emqx-1 (i-0123456789abcdef0 in eu-west-3) was terminated: Client.UserInitiatedShutdown: User initiated shutdown
          help: somebody terminated it; `bear apply` makes a new one
        bear::aws::not_running: the machine of daily-emqx-1 (i-0123456789abcdef0 in eu-west-3) is still pending after 10 minutes
          help: look at it in the EC2 console; `bear apply` goes on from here
        bear::aws::not_ended: waiting for the end of daily-emqx-1 (i-0123456789abcdef0) in eu-west-3: it is still shutting-down after 10 minutes
          help: look at it in the EC2 console; `bear destroy` goes on from here
        bear::aws::not_shown: EC2 says that it has made a machine for daily-emqx-1 before, and does not show it within 120 s
          help: do the same again in a few minutes: no second one is made
        bear::aws::no_machine: launching daily-emqx-1: it has no `machine`, so there is nothing to ask for
          help: write `machine: { type: …, image: … }` into its group in the fleet file
        bear::aws::other_region: launching daily-emqx-1: it belongs into eu-central-1, and this is for eu-west-3
          help: this is a bug in bear; please report it with your fleet file
        bear::aws::other_instance: importing i-0123456789abcdef0 as daily-emqx-1: it is marked as the machine of daily-emqx-2
          help: import it as daily-emqx-2, or take the tags that begin with `bear:` off it in the EC2 console
        ");
    }

    #[test]
    fn of_what_they_share() {
        let group = "bear-daily-0a1b2c3d";
        let errors = [
            no_group(REGION, group),
            group_taken(REGION, group),
            no_subnet(REGION, "vpc-0123456789abcdef0"),
            machines_left(REGION, ID),
            remains(REGION, "sg-0123456789abcdef0"),
        ];
        insta::assert_snapshot!(errors.each_ref().map(StepError::told).concat(), @"
        bear::aws::no_foundation: eu-west-3 has no security group bear-daily-0a1b2c3d
          help: `bear apply` makes it anew
        bear::aws::name_taken: making the security group bear-daily-0a1b2c3d in eu-west-3: the name is taken, by a group that is not marked as this fleet's
          help: rename or delete that group if nobody needs it, or name one under `provider: aws: security_groups:`
        bear::aws::no_subnet: vpc-0123456789abcdef0 in eu-west-3 has no subnet
          help: make a subnet in it, or name another `vpc` under `provider: aws:`
        bear::aws::machines_left: removing the foundation in eu-west-3: machines of the fleet still live: i-0123456789abcdef0
          help: `bear status` lists them as strays if the state does not know them; terminate them, or adopt them with `bear import`
        bear::aws::remains: removing the foundation in eu-west-3: there is still something left: sg-0123456789abcdef0
          help: these bear the fleet's lineage as a tag; delete them if nobody needs them, then do the same again
        ");
    }
}
