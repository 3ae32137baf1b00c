//! `bear verify`: proves every broker again, now.

use std::collections::HashSet;
use std::sync::Arc;

use bear_core::diff::{Action, Change, Changes, Reason};
use bear_core::event::Operation;
use bear_core::plan::{self, Plan};
use bear_core::state::v1::{Record, State};
use bear_engine::store::Secrets;
use bear_engine::{Store, StoreError};
use bear_hosts::FirstContactRule;
use clap::Args;
use serde_json::Value;

use crate::args::{FleetArgs, OnlyArgs, RunArgs};
use crate::context::Context;
use crate::credentials::Wallet;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::planning::{Wanted, check_names};
use crate::runs::{self, Run};
use crate::world::World;

/// The arguments of `bear verify`.
#[derive(Clone, Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

pub(crate) async fn run(args: VerifyArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let wanted = Wanted::read(args.fleet.fleet.as_deref(), context)?;
    let Some(state) = wanted.load()?.filter(|state| !state.instances.is_empty()) else {
        return Err(Fault::input(
            "bear::verify::nothing",
            format!("nothing of the fleet `{}` is deployed", wanted.name()),
        )
        .with_help(format!("`bear apply {}` deploys it", wanted.file.shown)));
    };
    check_names(&[], Some(&state), &args.only.only)?;
    let plan = proof(&state, &args.only.only);
    let world = World::new(&wanted.ground(&state), FirstContactRule::Refuse, None, &context.environment)?;
    let specs = plan.changes.iter().filter_map(|change| change.spec.as_deref());
    let wallet = Wallet::open(specs, &world.source(), &Secrets::of(&wanted.folder), false)?;
    let run = Run {
        operation: Operation::Verify,
        wanted: &wanted,
        plan: &plan,
        opening: Vec::new(),
        world: &world,
        wallet,
        args: &args.run,
    };
    let mut scratch = Scratch(state);
    let summary = runs::carry_out(run, &mut scratch, context).await?;
    runs::conclude(&wanted, Operation::Verify, &summary, scratch.state(), context);
    Ok(match runs::status(&summary) {
        ExitStatus::Failed => ExitStatus::Unhealthy,
        other => other,
    })
}

/// The plan that proves every broker, as it was last asked to be.
fn proof(state: &State, only: &[String]) -> Plan {
    let only = only.iter().map(String::as_str).collect::<HashSet<_>>();
    let named = |name: &str| only.is_empty() || only.contains(name);
    let chosen = state
        .instances
        .iter()
        .filter(|(name, recorded)| named(name.as_str()) || named(recorded.group.as_str()));
    let changes = chosen.map(|(name, recorded)| Change {
        instance: name.clone(),
        group: recorded.group.clone(),
        action: Action::Update,
        reasons: vec![Reason { field: "verified".into(), from: Value::Null, to: "proven".into() }],
        spec: Some(Arc::new(recorded.spec.clone())),
        generation: None,
        leaves: None,
        verify_only: true,
        configuration: None,
    });
    let changes = Changes { list: changes.collect(), ..Changes::default() };
    plan::build(state.fleet.clone(), changes, state.generation)
}

/// A store that forgets: proving again changes nothing, so there is nothing to keep, and no lock to wait for.
struct Scratch(State);

impl Store for Scratch {
    fn state(&self) -> &State {
        &self.0
    }

    fn record(&mut self, records: &[Record]) -> Result<(), StoreError> {
        for record in records {
            self.0.apply(record);
        }
        Ok(())
    }

    fn fold(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
