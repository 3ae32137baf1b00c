//! What dpkg knows of a package, read from its own list where that is the whole truth.

use bear_recipes::{HostFacts, observe};

use crate::world::World;

const BEFORE: &str = "Package: mosquitto-clients\nStatus: install ok installed\nVersion: 9\n\n";
const AFTER: &str = "\nPackage: other\nStatus: hold ok installed\nVersion: 8\n";

/// What is found of Mosquitto where dpkg's list has this between other packages, and whether dpkg-query was asked. It
/// would say 2.0.18-1.
fn check(list: &str, prepare: impl Fn(&World)) -> (Option<(String, bool)>, bool) {
    let world = World::new("dash");
    world.write("stub/packages/mosquitto", "2.0.18-1");
    std::fs::create_dir_all(world.path("root/var/lib/dpkg/updates")).unwrap();
    world.write("root/var/lib/dpkg/status", &format!("{BEFORE}{list}{AFTER}"));
    prepare(&world);
    let facts = HostFacts::read(&world.run(&[observe()]).transcript);
    let found = facts.mosquitto_package.map(|package| (package.version, package.held));
    (found, world.calls().contains("dpkg-query -W -f"))
}

/// A paragraph of the list as dpkg writes it.
fn paragraph(status: &str, architecture: &str) -> String {
    format!(
        "Package: mosquitto\nStatus: {status}\nPriority: optional\nArchitecture: {architecture}\n\
         Version: 2.0.11-1\nDepends: other (>= 8)\nDescription: Package: mosquitto\n Version: 7\n"
    )
}

#[test]
fn the_list_is_enough() {
    let found = |held| (Some((String::from("2.0.11-1"), held)), false);
    assert_eq!(check(&paragraph("install ok installed", "amd64"), |_| {}), found(false));
    assert_eq!(check(&paragraph("hold ok installed", "amd64"), |_| {}), found(true));
    assert_eq!(check(&paragraph("deinstall ok config-files", "amd64"), |_| {}), (None, false));
    assert_eq!(check(&paragraph("install ok half-configured", "amd64"), |_| {}), (None, false));
    assert_eq!(check("", |_| {}), (None, false));
}

#[test]
fn where_it_is_not_dpkg_query_is_asked() {
    let asked = (Some((String::from("2.0.18-1"), false)), true);
    let one = paragraph("install ok installed", "amd64");
    assert_eq!(check(&one, |world| world.write("root/var/lib/dpkg/updates/0001", "")), asked);
    assert_eq!(check(&format!("{one}\n{}", paragraph("install ok installed", "i386")), |_| {}), asked);
    assert_eq!(
        check(&one, |world| std::fs::remove_file(world.path("root/var/lib/dpkg/status")).unwrap()),
        asked
    );
}
