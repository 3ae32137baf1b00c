//! Asking EC2 for machines so that each is made exactly once, whatever is lost on the way.
//!
//! A request is known to EC2 by its client token: the same token never makes machines twice. It is derived from what is
//! recorded before anything is asked, so whoever asks again after a crash asks by the same token. Three traps are on
//! that way, and this is how they are passed by:
//!
//! - A token counts *within a zone*. So an instance has a home that depends on nothing but its name, the next zone is
//!   only gone to after a definite "no room", and who asks again looks for the machines first.
//! - A token with other parameters than before (fewer machines, a newer image, other tags) is a mismatch. Then the
//!   launch is known to have happened, and its machines are looked for until EC2 shows them.
//! - A token whose machines have all ended is refused for good. Then, and only then, the next token of a row is used.
//!
//! What a launch did not bring, because it was made for others or because that one machine has ended, is asked for
//! alone, by a token of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use bear_core::event::StepError;
use bear_core::state::v1::Machine;
use bear_provider::CreateRequest;
use futures_util::future::join_all;
use ring::digest::{SHA256, digest};
use tokio::time::{Instant, sleep};

use crate::Inner;
use crate::failure::Failure;
use crate::marks;
use crate::order::Order;
use crate::place::Subnet;
use crate::seen::{self, Seen, best, filter, of_lineage};
use crate::settings::Notice;
use crate::words;

/// How long machines of an earlier launch are looked for where that launch may not have happened. EC2 shows what was
/// made within seconds, as a rule ("Eventual consistency in the Amazon EC2 API").
const SHOWN_WITHIN: Duration = Duration::from_secs(15);
/// How long they are looked for where it is known to have happened.
const KNOWN_WITHIN: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How many tokens of a row are tried. Each but the last has had machines, all of which have ended.
const ROUNDS_MAX: u32 = 8;

/// Machines to ask for in one request.
struct Ask {
    /// What the client token is derived from.
    seed: Seed,
    /// Which token of its row it is.
    round: u32,
    /// Where the machines belong.
    home: usize,
    /// For whom, as places among the requests.
    members: Vec<usize>,
}

#[derive(Clone, PartialEq, Eq)]
enum Seed {
    /// All that were asked for together and have the same home.
    Launch(String),
    /// One instance by itself.
    Alone(String),
}

/// What came of a request.
enum Ran {
    /// These are its machines.
    Machines(Vec<Seen>),
    /// It was made before, otherwise, by this client token.
    Known(String),
    /// It was made before, and all its machines have ended.
    Ended,
    Failed(Failure),
}

type Settled = Vec<(usize, Result<Machine, StepError>)>;

impl Inner {
    pub(crate) async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>> {
        let mut groups = Vec::<Vec<usize>>::new();
        for (index, request) in requests.iter().enumerate() {
            match groups.iter_mut().find(|group| alike(&requests[group[0]], request)) {
                Some(group) => group.push(index),
                None => groups.push(vec![index]),
            }
        }
        let settled = join_all(groups.iter().map(|group| self.create_alike(requests, group))).await;
        let settled = settled.into_iter().flatten().collect::<BTreeMap<_, _>>();
        settled.into_values().collect()
    }

    /// Makes machines that are alike and were asked for together.
    async fn create_alike(&self, requests: &[CreateRequest], group: &[usize]) -> Settled {
        let again = group.iter().any(|&index| requests[index].again);
        let order = match Order::of(self, &requests[group[0]]).await {
            Ok(order) => order,
            Err(error) => return fail(requests, group, &error, true),
        };
        let found = if again { self.look_for_launch(requests, group, &order).await } else { Ok(Vec::new()) };
        let found = match found {
            Ok(found) => found,
            Err(failure) => {
                let error = failure.explain("looking for the machines of an earlier launch", self.region());
                return fail(requests, group, &error, false);
            }
        };
        let (mut settled, mut homes) = (Settled::new(), BTreeMap::<usize, Vec<usize>>::new());
        for &index in group {
            match living(&found, &requests[index].token) {
                Some(seen) => settled.push((index, Ok(seen.machine(order.spec)))),
                None => homes.entry(order.place().home(&requests[index].instance)).or_default().push(index),
            }
        }
        let seed = Seed::Launch(order.launch.to_owned());
        let asks =
            homes.into_iter().map(|(home, members)| Ask { seed: seed.clone(), round: 0, home, members });
        let mut asks = asks.collect::<Vec<_>>();
        while !asks.is_empty() {
            let outcomes = join_all(asks.iter().map(|ask| self.ask(requests, &order, ask))).await;
            let (settled_now, further): (Vec<_>, Vec<_>) = outcomes.into_iter().unzip();
            settled.extend(settled_now.into_iter().flatten());
            asks = further.into_iter().flatten().collect();
        }
        settled
    }

    /// The machines of an earlier launch, as far as they are shown. They are waited for a little where a repeated
    /// request might end in another zone than the first.
    async fn look_for_launch(
        &self,
        requests: &[CreateRequest],
        group: &[usize],
        order: &Order<'_>,
    ) -> Result<Vec<Seen>, Failure> {
        let marked = filter(format!("tag:{}", marks::LAUNCH), [order.launch]);
        let filters = vec![of_lineage(&self.settings.lineage), marked];
        let began = Instant::now();
        loop {
            let found = seen::list(&self.api, filters.clone()).await?;
            let mut wanted = group.iter().map(|&index| &requests[index]).filter(|request| request.again);
            let all = wanted.all(|request| living(&found, &request.token).is_some());
            if all || !order.place().has_choice() || began.elapsed() >= SHOWN_WITHIN {
                return Ok(found);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Asks once, and says what is settled by that and what is to be asked for further.
    async fn ask(&self, requests: &[CreateRequest], order: &Order<'_>, ask: &Ask) -> (Settled, Vec<Ask>) {
        let what = order.describe(ask.members.len());
        match self.run(requests, order, ask).await {
            Ran::Machines(machines) => settle(requests, order, ask, &machines),
            Ran::Known(token) => match self.look_for_known(requests, ask, &token).await {
                Ok(machines) => settle(requests, order, ask, &machines),
                Err(failure) => {
                    (fail(requests, &ask.members, &failure.explain(&what, self.region()), false), Vec::new())
                }
            },
            Ran::Ended if ask.round + 1 < ROUNDS_MAX => {
                let next = Ask {
                    seed: ask.seed.clone(),
                    round: ask.round + 1,
                    members: ask.members.clone(),
                    ..*ask
                };
                (Vec::new(), vec![next])
            }
            Ran::Ended => (fail(requests, &ask.members, &always_ended(&what), false), Vec::new()),
            Ran::Failed(failure) => {
                let first = ask.round == 0 && matches!(ask.seed, Seed::Launch(_)) && !failure.in_doubt;
                (fail(requests, &ask.members, &failure.explain(&what, self.region()), first), Vec::new())
            }
        }
    }

    /// Asks in one zone after the other. Only a definite "no room" leads to the next.
    async fn run(&self, requests: &[CreateRequest], order: &Order<'_>, ask: &Ask) -> Ran {
        let members =
            ask.members.iter().map(|&index| (&requests[index].instance, requests[index].token.as_str()));
        let members = members.collect::<Vec<_>>();
        let mut subnets = order.place().starting_at(ask.home).peekable();
        while let Some(subnet) = subnets.next() {
            let token = client_token(&self.settings.lineage, ask, order, subnet);
            let failure = match order.run_in(self, subnet, &token, &members).await {
                Ok(machines) => return Ran::Machines(machines),
                Err(failure) => failure,
            };
            match failure.code() {
                "IdempotentParameterMismatch" => return Ran::Known(token),
                "IdempotentInstanceTerminated" => return Ran::Ended,
                _ if failure.is_zone_full() && !failure.in_doubt && subnets.peek().is_some() => {
                    let (zone, kind) = (subnet.zone.clone(), order.machine.kind.clone());
                    self.api.tell(&Notice::ZoneFull { zone, kind });
                }
                _ => return Ran::Failed(failure),
            }
        }
        unreachable!("a place has subnets, and the last of them returns")
    }

    /// The machines of a launch that has happened. They are waited for until each of `ask` is there, or was not among
    /// them.
    async fn look_for_known(
        &self,
        requests: &[CreateRequest],
        ask: &Ask,
        token: &str,
    ) -> Result<Vec<Seen>, Failure> {
        let filters = vec![of_lineage(&self.settings.lineage), filter("client-token", [token])];
        let began = Instant::now();
        loop {
            let found = seen::list(&self.api, filters.clone()).await?;
            let told = |&index: &usize| {
                let token = &requests[index].token;
                let listed = found.iter().any(|seen| marks::mentions(&seen.tags, token));
                found.iter().any(|seen| seen.is_of(token)) || !listed
            };
            let complete = !found.is_empty() && ask.members.iter().all(told);
            if complete || began.elapsed() >= KNOWN_WITHIN {
                return Ok(found);
            }
            self.api.tell(&Notice::NotYetSeen { what: "the machines of an earlier launch".to_owned() });
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Gives each instance its machine. Who has none, or one that has ended, is asked for alone.
fn settle(
    requests: &[CreateRequest],
    order: &Order<'_>,
    ask: &Ask,
    machines: &[Seen],
) -> (Settled, Vec<Ask>) {
    let (mut settled, mut further) = (Settled::new(), Vec::new());
    for &index in &ask.members {
        let request = &requests[index];
        if let Some(seen) = living(machines, &request.token) {
            settled.push((index, Ok(seen.machine(order.spec))));
            continue;
        }
        let seed = Seed::Alone(request.token.clone());
        let ended = machines.iter().any(|seen| seen.is_of(&request.token));
        let round = if ask.seed == seed { ask.round + 1 } else { 0 };
        if round > 0 && !ended {
            // Its own token is taken, and what has it is not shown.
            settled.push((index, Err(words::not_shown(&request.instance, KNOWN_WITHIN))));
        } else if round == ROUNDS_MAX {
            settled.push((index, Err(always_ended(&order.describe(1)))));
        } else {
            further.push(Ask { seed, round, home: ask.home, members: vec![index] });
        }
    }
    (settled, further)
}

fn living<'a>(machines: &'a [Seen], token: &str) -> Option<&'a Seen> {
    best(machines.iter().filter(|seen| seen.is_of(token))).filter(|seen| seen.lives())
}

/// Whether two requests can be one.
fn alike(one: &CreateRequest, other: &CreateRequest) -> bool {
    one.launch == other.launch
        && one.spec.machine == other.spec.machine
        && one.spec.login == other.spec.login
        && one.spec.region == other.spec.region
}

/// By what EC2 knows a request: 64 digits, which is as long as it may be.
fn client_token(lineage: &str, ask: &Ask, order: &Order<'_>, subnet: &Subnet) -> String {
    let (kind, seed) = match &ask.seed {
        Seed::Launch(launch) => ("launch", launch),
        Seed::Alone(token) => ("alone", token),
    };
    let (round, home, machine) = (ask.round, ask.home, order.describe_machine());
    let subnet = &subnet.id;
    let text = format!("{lineage}\n{kind}\n{seed}\n{round}\n{home}\n{machine}\n{subnet}");
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same error for all. Where nothing was changed, that holds for those who were never asked for before.
fn fail(requests: &[CreateRequest], members: &[usize], error: &StepError, untouched: bool) -> Settled {
    let of = |&index: &usize| {
        let untouched = untouched && !requests[index].again;
        (index, Err(StepError { untouched, ..error.clone() }))
    };
    members.iter().map(of).collect()
}

fn always_ended(what: &str) -> StepError {
    StepError::permanent(
        "bear::aws::ended",
        format!("{what}: all machines that EC2 made for this before were terminated"),
    )
    .with_help("find out who terminates them; `bear apply` then makes new ones")
}
