//! Pictures of a plan, as text for Graphviz and Mermaid.

use std::fmt::Write;

use petgraph::visit::EdgeRef;

use super::Plan;

/// The plan in the DOT language of Graphviz.
pub fn dot(plan: &Plan) -> String {
    let mut text = format!("digraph \"{}\" {{\n  rankdir = LR;\n  node [shape = box];\n", plan.fleet);
    for index in plan.steps.node_indices() {
        let step = &plan.steps[index];
        // Writing to a string can't fail.
        let _ = writeln!(text, "  s{} [label = \"{} {}\"];", index.index(), step.kind, step.resource);
    }
    for edge in plan.steps.edge_references() {
        let _ = writeln!(text, "  s{} -> s{};", edge.source().index(), edge.target().index());
    }
    text.push_str("}\n");
    text
}

/// The plan as a Mermaid flowchart.
pub fn mermaid(plan: &Plan) -> String {
    let mut text = String::from("flowchart LR\n");
    for index in plan.steps.node_indices() {
        let step = &plan.steps[index];
        let _ = writeln!(text, "  s{}[\"{} {}\"]", index.index(), step.kind, step.resource);
    }
    for edge in plan.steps.edge_references() {
        let _ = writeln!(text, "  s{} --> s{}", edge.source().index(), edge.target().index());
    }
    text
}
