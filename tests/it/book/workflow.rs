//! Workflows of CI systems: the commands of bear in them.

use serde_yaml::Value;

/// The lines of a workflow's scripts that run bear, without what a shell puts around them.
pub(crate) fn commands(workflow: &str) -> Vec<String> {
    let workflow = serde_yaml::from_str(workflow).unwrap();
    let mut scripts = Vec::new();
    collect(&workflow, &mut scripts);
    let lines = scripts.iter().flat_map(|script| script.lines()).map(str::trim);
    lines.filter(|line| line.starts_with("bear ")).map(str::to_owned).collect()
}

/// The texts below every `run` and `script`, wherever these stand.
fn collect<'v>(value: &'v Value, scripts: &mut Vec<&'v str>) {
    match value {
        Value::Mapping(mapping) => {
            for (key, value) in mapping {
                match (key.as_str(), value) {
                    (Some("run" | "script"), Value::String(script)) => scripts.push(script),
                    (Some("run" | "script"), Value::Sequence(lines)) => {
                        scripts.extend(lines.iter().map(|line| line.as_str().unwrap()));
                    }
                    _ => collect(value, scripts),
                }
            }
        }
        Value::Sequence(values) => values.iter().for_each(|value| collect(value, scripts)),
        _ => {}
    }
}
