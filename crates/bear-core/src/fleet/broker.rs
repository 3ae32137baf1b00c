//! Reading brokers: which there are, and the settings of each.

use super::fields::{Fields, choice};
use super::findings::Findings;
use super::model::{Authentication, Broker, Embedded, Emqx, Mosquitto, ProviderKind, Tls};
use super::tree::Slot;
use super::words::quoted;
use super::{text, version};

/// The broker that runs on an instance.
pub(super) fn read(
    slot: &Slot<'_>,
    provider: Option<ProviderKind>,
    findings: &mut Findings,
) -> Option<Broker> {
    let (name, settings) = choice(slot, "broker", &["embedded", "emqx", "mosquitto"], findings)?;
    match (provider, name == "embedded") {
        (Some(ProviderKind::Local), false) => {
            findings
                .error("bear::fleet::broker", settings.key, format!("`local` does not run `{name}`"))
                .label("runs on other machines only")
                .help("write `broker: embedded`, or another provider");
        }
        (Some(provider @ (ProviderKind::Hosts | ProviderKind::Aws)), true) => {
            findings
                .error(
                    "bear::fleet::broker",
                    settings.key,
                    format!("`{}` does not run `embedded`", provider.as_str()),
                )
                .label("runs on this machine only, with `provider: local`")
                .help("write `emqx` or `mosquitto` and its `version` below `broker:`");
        }
        _ => {}
    }
    match name {
        "embedded" => embedded(&settings, findings).map(Broker::Embedded),
        "emqx" => emqx(&settings, findings).map(Broker::Emqx),
        _ => mosquitto(&settings, findings).map(Broker::Mosquitto),
    }
}

fn embedded(slot: &Slot<'_>, findings: &mut Findings) -> Option<Embedded> {
    let mut fields = Fields::open(slot, "`embedded`", findings)?;
    let authentication = fields
        .optional("authentication", findings, |slot, findings| authentication(slot, text::filled, findings));
    fields.finish(findings);
    Some(Embedded { authentication })
}

/// A user name that `user` reads, and a password.
fn authentication(
    slot: &Slot<'_>,
    user: impl FnOnce(&Slot<'_>, &mut Findings) -> Option<String>,
    findings: &mut Findings,
) -> Option<Authentication> {
    let mut fields = Fields::open(slot, "`authentication`", findings)?;
    let username = fields.required("username", findings, user);
    let password = fields.optional("password", findings, text::password);
    fields.finish(findings);
    Some(Authentication { username: username?, password })
}

fn emqx(slot: &Slot<'_>, findings: &mut Findings) -> Option<Emqx> {
    let mut fields = Fields::open(slot, "`emqx`", findings)?;
    let version = fields.required("version", findings, version::emqx);
    let admin_password = fields.optional("admin_password", findings, text::password);
    let dashboard_bind = fields.optional("dashboard_bind", findings, text::ipv4);
    let tls = fields.optional("tls", findings, tls);
    let license = fields.optional("license", findings, text::secret);
    let (registry, image_file) = image(&mut fields, findings);
    if version.as_ref().is_some_and(|version| !version.needs_emqx_license()) {
        fields.forbid("license", "EMQX up to 5.8 is open source, and knows no licence keys", findings);
    }
    fields.finish(findings);
    Some(Emqx { version: version?, admin_password, dashboard_bind, tls, license, registry, image_file })
}

fn mosquitto(slot: &Slot<'_>, findings: &mut Findings) -> Option<Mosquitto> {
    let mut fields = Fields::open(slot, "`mosquitto`", findings)?;
    let container = fields.optional("container", findings, text::truth).unwrap_or_default();
    let version = fields.required("version", findings, |slot, findings| {
        if container {
            version::mosquitto_image(slot, findings)
        } else {
            version::mosquitto_package(slot, findings)
        }
    });
    let authentication = fields.optional("authentication", findings, |slot, findings| {
        authentication(slot, mosquitto_user, findings)
    });
    let tls = fields.optional("tls", findings, tls);
    let (registry, image_file) = image(&mut fields, findings);
    if !container {
        for key in ["registry", "image_file"] {
            fields.forbid(key, "a package has no image; with `container: true` there is one", findings);
        }
    }
    fields.finish(findings);
    Some(Mosquitto { version: version?, container, authentication, tls, registry, image_file })
}

/// A user name that Mosquitto's password file can hold: a line of it is `NAME:HASH`, and `mosquitto_passwd` cuts what
/// does not fit in silence.
fn mosquitto_user(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let name = text::filled(slot, findings)?;
    let label = match &*name {
        colon if colon.contains(':') => "has a colon",
        comment if comment.starts_with('#') => "begins like a comment",
        padded if padded.trim() != padded => "has white space at an end",
        _ => return Some(name),
    };
    findings
        .error("bear::fleet::text", slot.span(), format!("{} can't be a user of Mosquitto", quoted(&name)))
        .label(label)
        .help("its password file can't hold such a name; choose another");
    None
}

fn tls(slot: &Slot<'_>, findings: &mut Findings) -> Option<Tls> {
    let mut fields = Fields::open(slot, "`tls`", findings)?;
    let certificate = fields.required("certificate", findings, text::filled);
    let key = fields.required("key", findings, text::secret);
    let ca = fields.optional("ca", findings, text::filled);
    let server_name = fields.optional("server_name", findings, text::address);
    fields.finish(findings);
    Some(Tls { certificate: certificate?, key: key?, ca, server_name })
}

/// Where the image of a container comes from: a registry, or a file.
fn image(fields: &mut Fields<'_, '_>, findings: &mut Findings) -> (Option<String>, Option<String>) {
    let registry = fields.optional("registry", findings, registry);
    let file = fields.optional("image_file", findings, text::filled);
    if let (Some(_), Some(file)) = (fields.get("registry"), fields.get("image_file")) {
        findings
            .error(
                "bear::fleet::image",
                file.key,
                "an image comes from a `registry` or an `image_file`, not both",
            )
            .label("beside `registry`")
            .help("keep one of them");
    }
    (registry, file)
}

/// A registry: a host as Docker tells it from the first part of an image's name, with a port and a path if need be.
fn registry(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text::filled(slot, findings)?;
    let mut parts = text.split('/');
    let host = parts.next().unwrap_or_default();
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let number_fits =
        |port: &str| port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port);
    let is_part = |part: &str| {
        text::is_plain(part, "._-")
            && !part.starts_with('_')
            && !part.contains(|c: char| c.is_ascii_uppercase())
    };
    let (label, help) = if text.contains("://") {
        ("has a scheme", "write the host alone, such as `registry.example:5000`")
    } else if text.contains('@') {
        ("has a user", "log in with `docker login` on the hosts; a fleet file holds no passwords")
    } else if !(is_part(&name.to_ascii_lowercase()) && port.is_none_or(number_fits) && parts.all(is_part)) {
        ("expected a host, and a port and a path where there are any", "such as `registry.example:5000`")
    } else if !name.contains('.') && port.is_none() && name != "localhost" {
        (
            "a name on Docker Hub to Docker",
            "write its full name, or its port: `registry.example`, `registry:5000`",
        )
    } else {
        return Some(text);
    };
    findings
        .error("bear::fleet::image", slot.span(), format!("{} is no registry", quoted(&text)))
        .label(label)
        .help(help);
    None
}
