//! Small files that other processes write: who holds a lock, what a broker is to be, who may connect to it.

use std::cell::OnceCell;
use std::fs;

use bear_broker::{Credentials, Spec};
use bear_engine::store::Holder;
use tempfile::TempDir;

pub(crate) fn check(input: &[u8]) {
    if let Ok(holder) = serde_json::from_slice::<Holder>(input) {
        assert!(holder.to_string().contains("process"));
        let text = serde_json::to_vec(&holder).unwrap();
        assert_eq!(serde_json::from_slice::<Holder>(&text).unwrap(), holder);
    }
    FOLDER.with(|folder| {
        let path = folder.get_or_init(|| tempfile::tempdir().unwrap()).path().join("file.json");
        fs::write(&path, input).unwrap();
        if let Ok(spec) = Spec::load(&path) {
            assert!(spec.listen.is_loopback() && !spec.name.is_empty());
            spec.save(&path).unwrap();
            assert_eq!(Spec::load(&path).unwrap().ports, spec.ports);
        }
        fs::write(&path, input).unwrap();
        if let Ok(credentials) = Credentials::load(&path) {
            credentials.accepts("ada", "wrong");
            credentials.save(&path).unwrap();
            assert!(Credentials::load(&path).unwrap() == credentials);
        }
    });
}

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}
