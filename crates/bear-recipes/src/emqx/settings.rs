//! What EMQX's files on a host hold: its settings, and its secrets apart from them.

use super::environment::Environment;
use super::{Dialect, Emqx, LISTENERS};
use crate::recipe::Configuration;
use crate::refusal::Refusal;
use crate::tls::Certificate;

impl Emqx {
    /// All settings without secrets. What `docker run` is told stands in comments, so that it is part of the plan's
    /// diff and of the digest; so do the certificates, whose files keep their names. The name of the node is not among
    /// them, because it is the host that knows which one its data has.
    pub(super) fn configuration(&self) -> Result<Configuration, Refusal> {
        let dialect = Dialect::of(&self.version);
        let mut comments = vec![
            String::from("Written by bear; changes made here are undone by its next apply."),
            format!("Image {}", self.image.reference()),
        ];
        comments.extend(self.publish()?.lines().map(|line| format!("Port {line}")));
        comments.extend(self.tls.iter().flat_map(Certificate::comments));
        // Variables for the start script itself come without HOCON's quotes.
        let mut environment = Environment::with_comments(&comments)
            .plain(&format!("{}__ENABLE", dialect.log_console), "true")?;
        for listener in &LISTENERS {
            let name = format!("EMQX_LISTENERS__{}__DEFAULT", listener.kind.to_uppercase());
            let on = !listener.tls || self.tls.is_some();
            let switch = format!("{name}__{}", dialect.listener_switch);
            environment = environment.plain(&switch, if on { "true" } else { "false" })?;
            let Some(certificate) = self.tls.as_ref().filter(|_| listener.tls) else { continue };
            environment = environment
                .text(&format!("{name}__SSL_OPTIONS__CERTFILE"), "/run/bear/certificate.pem")?
                .text(&format!("{name}__SSL_OPTIONS__KEYFILE"), "/run/bear/key.pem")?;
            if certificate.authorities.is_some() {
                let option = format!("{name}__SSL_OPTIONS__CACERTFILE");
                environment = environment.text(&option, "/run/bear/authorities.pem")?;
            }
        }
        Ok(Configuration { path: "/etc/bear/emqx/settings.env", text: environment.into_text() })
    }

    /// The password that the first boot on empty data takes.
    pub(super) fn first_boot(&self) -> Result<String, Refusal> {
        let environment = Environment::default();
        Ok(environment.text("EMQX_DASHBOARD__DEFAULT_PASSWORD", &self.admin_password)?.into_text())
    }

    /// The secrets that a restart is needed for.
    pub(super) fn keys(&self) -> Result<String, Refusal> {
        let fits = self.cookie.starts_with(|c: char| c.is_ascii_alphabetic())
            && self.cookie.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && self.cookie.len() <= 255;
        if !fits {
            let why = "the cookie is not made of letters and digits, the first a letter";
            return Err(Refusal::Password(why));
        }
        let mut keys = Environment::default().plain("EMQX_NODE__COOKIE", &self.cookie)?;
        if let Some(key) = &self.license_key {
            if key.is_empty() || key.contains(char::is_control) {
                return Err(Refusal::Password("the licence key is empty, or holds a control character"));
            }
            keys = keys.text("EMQX_LICENSE__KEY", key)?;
        }
        Ok(keys.into_text())
    }

    /// The password as JSON.
    pub(super) fn password(&self) -> Result<String, Refusal> {
        let password = &self.admin_password;
        let wrong = |why| Err(Refusal::Password(why));
        if password.is_empty() {
            return wrong("it is empty, which locks everyone out");
        }
        if password == "public" {
            return wrong("it is the one that everybody knows");
        }
        if password.contains(char::is_control) {
            return wrong("it holds a control character");
        }
        if Dialect::of(&self.version).password_rule && !follows_rule(password) {
            return wrong("EMQX wants 8 to 64 characters of two kinds: letters, digits and others");
        }
        Ok(serde_json::Value::from(password.as_str()).to_string())
    }
}

/// EMQX's rule for new passwords since 5.0.15.
fn follows_rule(password: &str) -> bool {
    let kinds = [
        password.contains(|c: char| c.is_ascii_alphabetic()),
        password.contains(|c: char| c.is_ascii_digit()),
        password.contains(|c: char| !c.is_ascii_alphanumeric()),
    ];
    (8..=64).contains(&password.len()) && kinds.iter().filter(|&&has| has).count() >= 2
}
