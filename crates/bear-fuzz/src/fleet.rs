//! A fleet file: every problem points into it, and what is accepted can be planned.

use bear_core::fleet::{Parsed, parse};
use bear_core::problem::{Problem, Problems};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use crate::plan;
use crate::scene::Scene;

/// As many instances as are planned for each input. A plan of all that a file may have takes a second.
const PLANNED_MAX: usize = 300;

pub(crate) fn check(input: &[u8]) {
    match parse("fleet.yaml", input) {
        Ok(parsed) => {
            parsed.warnings.iter().for_each(points_into_the_file);
            accepted(&parsed);
        }
        Err(problems) => refused(&problems),
    }
}

fn accepted(parsed: &Parsed) {
    let instances = parsed.fleet.instances().unwrap();
    let text = parsed.source.text();
    for group in parsed.fleet.groups.keys() {
        let span = parsed.span_of(&format!("groups.{group}")).unwrap();
        assert!(text.get(span.offset()..span.offset() + span.len()).is_some(), "{span:?}");
    }
    if instances.len() <= PLANNED_MAX {
        let nothing = Scene::empty(parsed.fleet.name.clone());
        let plan = nothing.plan(&instances, parsed.fleet.foundation().as_ref());
        assert_eq!(plan.summary().create, instances.len(), "two instances with one name");
        plan::sound(&plan, 0);
    }
}

fn refused(problems: &Problems) {
    assert!(problems.len() > 0);
    for problem in problems {
        assert!(!problem.warning, "a warning alone refuses no file");
        points_into_the_file(problem);
    }
    let shown = rendered(problems);
    assert!(!shown.contains("Failed to read contents"), "{shown}");
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
}

fn rendered(problems: &dyn Diagnostic) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut text = String::new();
    handler.render_report(&mut text, problems).unwrap();
    text
}

fn points_into_the_file(problem: &Problem) {
    assert!(!problem.message.is_empty() && problem.code.starts_with("bear::fleet::"));
    let Some(span) = problem.span else { return };
    let text = problem.file.text();
    assert!(text.get(span.offset()..span.offset() + span.len()).is_some(), "{span:?} of {text:?}");
    let (line, column) = problem.position().unwrap();
    assert!(line >= 1 && line <= text.matches('\n').count() + 1 && column >= 1);
}
