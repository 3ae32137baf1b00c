//! Generated secrets: made once, for their owner's eyes only.

use std::fs;

use bear_engine::store::Secrets;

use crate::support::{project, shown};

#[test]
fn a_secret_is_made_once() {
    let (_project, folder) = project();
    let secrets = Secrets::of(&folder);
    assert!(secrets.get("cookie").unwrap().is_none());
    assert!(secrets.names().unwrap().is_empty());
    folder.create().unwrap();

    let made = secrets.get_or_create("cookie", || "hunter2".into()).unwrap();
    secrets.get_or_create("admin", || "s3cret".into()).unwrap();
    let again = Secrets::of(&folder).get_or_create("cookie", || unreachable!("made twice")).unwrap();
    assert_eq!((made.expose(), again.expose()), ("hunter2", "hunter2"));
    assert_eq!(secrets.names().unwrap(), ["admin", "cookie"]);
    assert_eq!(format!("{made:?}"), "Secret(…)");
    insta::assert_snapshot!(fs::read_to_string(folder.secrets()).unwrap(), @r#"{"version":1,"values":{"admin":"s3cret","cookie":"hunter2"}}"#);
}

#[test]
fn secrets_that_cant_be_read() {
    #[track_caller]
    fn check(text: &str) -> String {
        let (project, folder) = project();
        folder.create().unwrap();
        fs::write(folder.secrets(), text).unwrap();
        let secrets = Secrets::of(&folder);
        let error = secrets.get_or_create("cookie", || unreachable!("one may be there")).unwrap_err();
        assert_eq!(fs::read_to_string(folder.secrets()).unwrap(), text);
        let said = shown(&error, project.path());
        assert!(!format!("{said}{error:?}").contains("hunter2"));
        said
    }
    insta::assert_snapshot!(check("{\"version\":1,\"values\":\"hunter2\"}"), @"
    could not read PROJECT/.bear/demo/secrets.json: it is damaged at line 1, column 31
    nothing was changed; put a backup of PROJECT/.bear/demo/secrets.json in its place, because running brokers know its secrets
    ");
    insta::assert_snapshot!(check("{\"version\":1,\"values\":{\"cookie\":\"hunter2"), @"
    could not read PROJECT/.bear/demo/secrets.json: it is damaged at line 1, column 40
    nothing was changed; put a backup of PROJECT/.bear/demo/secrets.json in its place, because running brokers know its secrets
    ");
    insta::assert_snapshot!(check("{\"version\":2,\"vault\":\"hunter2\"}"), @"
    could not read PROJECT/.bear/demo/secrets.json: it was written by a newer bear (format 2, this one reads up to 1)
    use the bear that wrote it, or a later one; nothing was changed
    ");
}
