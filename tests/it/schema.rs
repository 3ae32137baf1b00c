//! `bear schema`

use crate::support::Project;

#[test]
fn the_schema_is_json_and_knows_the_keys() {
    let schema = Project::new().bear("schema").ok().json();
    assert_eq!(schema["title"], "bear fleet file");
    assert_eq!(schema["required"], serde_json::json!(["fleet", "provider", "groups"]));
}
