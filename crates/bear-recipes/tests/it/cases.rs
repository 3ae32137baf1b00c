//! Each folder of `tests/cases` is a recipe test as data: `in.yaml` says what is wanted, `script.sh` is the script
//! that comes of it (what is constant left out), `configuration.txt` what the plan shows. After a change,
//! `BEAR_UPDATE=1 cargo test -p bear-recipes` writes the results again, to be read in the diff.

use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bear_core::fleet::model::Ports;
use bear_recipes::docker::{Docker, Repository};
use bear_recipes::emqx::Emqx;
use bear_recipes::image::{self, Image, ImageSource};
use bear_recipes::mosquitto::{Form, Mosquitto, User};
use bear_recipes::{
    Certificate, Host, Owner, Recipe, Refusal, host, host_key, look, observe, removal, render,
};
use serde::Deserialize;

use crate::world::setting;

/// One recipe of a case: the field that is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    host: Option<HostCase>,
    docker: Option<DockerCase>,
    emqx: Option<EmqxCase>,
    mosquitto: Option<MosquittoCase>,
    removal: Option<RemovalCase>,
    image: Option<ImageCase>,
    look: Option<Ports>,
    host_key_next: Option<(String, String)>,
    host_key_moved: Option<String>,
    #[serde(default)]
    first_boot: bool,
    #[serde(default)]
    observe: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostCase {
    owner: OwnerCase,
    now: u64,
    #[serde(default)]
    ports: Ports,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerCase {
    fleet: String,
    lineage: String,
    instance: String,
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemovalCase {
    owner: OwnerCase,
    keep_data: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsCase {
    chain: String,
    key: String,
    authorities: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DockerCase {
    distribution: Option<String>,
    official: Option<String>,
    repository: Option<String>,
    suite: Option<String>,
    key_url: Option<String>,
    fingerprint: Option<String>,
    containerd: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmqxCase {
    version: String,
    #[serde(default)]
    registry: Option<String>,
    #[serde(default)]
    file: Option<String>,
    address: Ipv4Addr,
    #[serde(default)]
    ports: Ports,
    password: String,
    tls: Option<TlsCase>,
    dashboard: Option<Ipv4Addr>,
    #[serde(default)]
    license: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MosquittoCase {
    package: Option<String>,
    image: Option<ImageCase>,
    #[serde(default)]
    ports: Ports,
    user: Option<UserCase>,
    tls: Option<TlsCase>,
}

#[derive(Deserialize)]
struct UserCase {
    name: String,
    password: String,
}

#[derive(Deserialize)]
struct ImageCase {
    name: String,
    tag: String,
    registry: Option<String>,
    file: Option<String>,
}

impl ImageCase {
    fn image(self) -> Image {
        let source = match (self.registry, self.file) {
            (Some(registry), _) => ImageSource::Registry(registry),
            (None, Some(file)) => ImageSource::File(file),
            (None, None) => ImageSource::Default,
        };
        Image { name: self.name, tag: self.tag, source }
    }
}

impl OwnerCase {
    fn owner(self) -> Owner {
        let Self { fleet, lineage, instance, token } = self;
        Owner { fleet, lineage, instance, token }
    }
}

impl TlsCase {
    fn certificate(self) -> Certificate {
        let Self { chain, key, authorities } = self;
        Certificate { chain, key, authorities }
    }
}

impl Case {
    fn recipes(self) -> Result<Vec<Recipe>, Refusal> {
        let mut recipes = Vec::new();
        if self.first_boot {
            recipes.push(host::first_boot());
        }
        if let Some((given, machine)) = self.host_key_next {
            recipes.push(host_key::next(&given, &machine)?);
        }
        if let Some(made) = self.host_key_moved {
            recipes.push(host_key::moved(&made)?);
        }
        if let Some(HostCase { owner, now, ports }) = self.host {
            recipes.push(Host { owner: owner.owner(), now }.claim(ports)?);
        }
        if let Some(docker) = self.docker {
            recipes.push(docker.recipe()?);
        }
        if let Some(emqx) = self.emqx {
            recipes.push(emqx.emqx()?.install()?);
        }
        if let Some(mosquitto) = self.mosquitto {
            recipes.push(mosquitto.mosquitto().install()?);
        }
        if let Some(RemovalCase { owner, keep_data }) = self.removal {
            recipes.extend(removal(&owner.owner(), keep_data)?);
        }
        if let Some(image) = self.image {
            recipes.push(image::look(&image.image())?);
        }
        if let Some(listens) = self.look {
            recipes.push(look(listens)?);
        }
        if self.observe {
            recipes.push(observe());
        }
        Ok(recipes)
    }
}

impl DockerCase {
    fn recipe(self) -> Result<Recipe, Refusal> {
        let default = Repository::default();
        let repository = Repository {
            url: self.repository,
            suite: self.suite,
            key_url: self.key_url,
            fingerprint: self.fingerprint.unwrap_or(default.fingerprint),
            containerd: self.containerd,
        };
        let docker = match (self.official, self.distribution) {
            (Some(version), _) => Docker::Official(version, repository),
            (None, Some(version)) => Docker::Distribution(version),
            (None, None) => Docker::Present,
        };
        docker.install()
    }
}

impl EmqxCase {
    fn emqx(self) -> Result<Emqx, Refusal> {
        let image = ImageCase {
            name: String::from("emqx/emqx"),
            tag: self.version.clone(),
            registry: self.registry,
            file: self.file,
        };
        Ok(Emqx {
            version: self.version.parse()?,
            image: image.image(),
            address: self.address,
            ports: self.ports,
            dashboard_address: self.dashboard.unwrap_or(Ipv4Addr::LOCALHOST),
            tls: self.tls.map(TlsCase::certificate),
            admin_password: self.password,
            cookie: String::from("c00kie"),
            license_key: self.license,
        })
    }
}

impl MosquittoCase {
    fn mosquitto(self) -> Mosquitto {
        let form = self
            .package
            .map(Form::Package)
            .or(self.image.map(|image| Form::Container(image.image())))
            .unwrap();
        let user = self.user.map(|UserCase { name, password }| User { name, password });
        Mosquitto { form, ports: self.ports, user, tls: self.tls.map(TlsCase::certificate) }
    }
}

/// The files of shell code.
fn code() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sh");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|it| it == "sh")).collect()
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// The recipes of a case, or why there are none.
fn recipes(case: &Path) -> Result<Vec<Recipe>, Refusal> {
    let input = fs::read_to_string(case.join("in.yaml")).unwrap();
    let wanted: Vec<Case> = serde_yaml::from_str(&input).unwrap();
    let recipes: Result<Vec<_>, _> = wanted.into_iter().map(Case::recipes).collect();
    Ok(recipes?.concat())
}

fn results(case: &Path) -> Vec<(&'static str, String)> {
    let recipes = match recipes(case) {
        Ok(recipes) => recipes,
        Err(refusal) => return vec![("refusal.txt", format!("{refusal}\n"))],
    };
    let script = render(&recipes, &setting("")).unwrap().text().to_owned();
    // The prelude begins with this, and after all of the code comes `main`.
    let (values, rest) = script.split_once("\nexport LC_ALL=C ").unwrap();
    let (_, main) = rest.rsplit_once("\nmain() {").unwrap();
    let script = format!("{values}\n# …\n\nmain() {{{main}");
    let configurations = recipes.iter().filter_map(Recipe::configuration);
    let configuration: String =
        configurations.map(|it| format!("# {} is {}\n{}", it.digest(), it.path, it.text)).collect();
    vec![("script.sh", script), ("configuration.txt", configuration)]
}

#[test]
fn every_case_is_rendered_as_written_beside_it() {
    let update = std::env::var_os("BEAR_UPDATE").is_some();
    let mut changed = Vec::new();
    for case in cases() {
        for (name, got) in results(&case) {
            let file = case.join(name);
            if update {
                fs::write(&file, &got).unwrap();
            } else if fs::read_to_string(&file).unwrap_or_default() != got {
                changed.push(format!("{} is now\n{got}", file.display()));
            }
        }
    }
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

/// What a program says of the whole scripts of these cases on its standard input.
#[track_caller]
fn check_with(program: &[&str], cases: Vec<PathBuf>) {
    for case in cases {
        let Ok(recipes) = recipes(&case) else { continue };
        let script = render(&recipes, &setting("")).unwrap();
        let mut child = Command::new(program[0])
            .args(&program[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(script.text().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success() && said.is_empty(), "{}: {said}", case.display());
    }
}

#[test]
fn every_script_is_a_posix_script() {
    check_with(&["dash", "-n"], cases());
    check_with(&["bash", "--posix", "-n"], cases());
}

/// What shellcheck can't see is left out: variables are set in one piece and read in another, functions are called
/// by name from `block`, and values are quoted so that nothing in them means anything.
const SHELLCHECK: [&str; 3] =
    ["shellcheck", "--shell=sh", "--exclude=SC1003,SC2016,SC2030,SC2031,SC2034,SC2154,SC2181,SC2317"];

#[test]
#[expect(clippy::disallowed_macros, clippy::print_stderr, reason = "a test that does not run says so")]
fn shellcheck_finds_nothing() {
    if Command::new("shellcheck").arg("--version").output().is_err() {
        let required = std::env::var_os("BEAR_TEST_SHELLCHECK").is_some_and(|word| word == "required");
        assert!(!required, "shellcheck is required, and is not on this machine");
        eprintln!("SKIPPED: shellcheck is not on this machine, so no script was read by it");
        return;
    }
    let [program, shell, excluded] = SHELLCHECK;
    for path in code() {
        let output = Command::new(program).args([shell, excluded, "--severity=warning"]).arg(path).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let some = ["everything", "mosquitto-container", "removal"];
    let whole = cases().into_iter().filter(|case| some.iter().any(|name| case.ends_with(name)));
    check_with(&[program, shell, excluded, "-"], whole.collect());
}
