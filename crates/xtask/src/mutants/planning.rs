//! Faults in what is compared, adopted and planned.

use super::Mutation;

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "doubt-is-not-adopted",
        file: "crates/bear-core/src/observed.rs",
        text: "    if «recorded.phase == Phase::Creating» {\n",
        replacement: "false",
        breaks: "a machine whose making was in doubt is adopted",
    },
    Mutation {
        name: "moves-not-followed",
        file: "crates/bear-core/src/observed.rs",
        text: "(«moved != *known»).then_some(",
        replacement: "false",
        breaks: "a machine is reached where it is now",
    },
    Mutation {
        name: "unseen-machine-made-anew",
        file: "crates/bear-core/src/diff/instance.rs",
        text: "generation: «Some(recorded.generation)», ..again",
        replacement: "None",
        breaks: "a machine that may come yet is asked for by the same token",
    },
    Mutation {
        name: "going-machine-kept",
        file: "crates/bear-core/src/diff/instance.rs",
        text: "_ if «recorded.phase == Phase::Destroying» => Fate::Going,",
        replacement: "false",
        breaks: "a machine whose end was begun is not used any more",
    },
    Mutation {
        name: "surplus-forgotten",
        file: "crates/bear-core/src/diff.rs",
        text: "let no_longer = recorded.filter(|(name, _)| «!kept.contains(name)»);",
        replacement: "false",
        breaks: "what is wanted no more is destroyed",
    },
    Mutation {
        name: "dead-broker-overlooked",
        file: "crates/bear-core/src/diff/instance.rs",
        text: "_ if «recorded.installed.is_none()» => {}",
        replacement: "recorded.installed.is_none() || matches!(broker, BrokerSeen::Stopped { .. })",
        breaks: "no plan says no change while a broker is down",
    },
    Mutation {
        name: "replacement-comes-first",
        file: "crates/bear-core/src/plan/build.rs",
        text: "«&[StepKind::Destroy, StepKind::Create, StepKind::Install, StepKind::Verify]»",
        replacement: "&[StepKind::Create, StepKind::Install, StepKind::Verify, StepKind::Destroy]",
        breaks: "a machine goes before the one that takes its name comes",
    },
    Mutation {
        name: "foundation-goes-first",
        file: "crates/bear-core/src/plan/build.rs",
        text: "            «self.steps.add_edge(destroy, step, ());»",
        replacement: "",
        breaks: "what machines stand on goes after the last of them",
    },
    Mutation {
        name: "machines-before-their-foundation",
        file: "crates/bear-core/src/plan/build.rs",
        text: "«region.and_then(|region| self.foundations.get(region)).copied()»",
        replacement: "None",
        breaks: "no machine is made before what it stands on",
    },
    Mutation {
        name: "half-laid-foundation-believed",
        file: "crates/bear-core/src/diff/foundation.rs",
        text: "match «recorded.phase» {\n        FoundationPhase::Laid",
        replacement: "FoundationPhase::Laid",
        breaks: "a foundation whose making was in doubt is made sure of",
    },
];
