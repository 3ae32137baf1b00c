//! From what a fleet wants of a broker to the recipes for one machine.

use std::net::Ipv4Addr;

use bear_core::event::StepError;
use bear_core::fleet::Spec;
use bear_core::fleet::model::{self, Authentication, Ports, Tls};
use bear_core::state::v1::Machine;
use bear_recipes::docker::Docker;
use bear_recipes::emqx::{self, Emqx, Version};
use bear_recipes::image::{Image, ImageSource};
use bear_recipes::mosquitto::{Form, Mosquitto, User};
use bear_recipes::tls::Certificate;
use bear_recipes::{Configuration, Recipe, Refusal};

use crate::script::refused;
use crate::{Hosts, Secrets, Settings};

/// A file that the fleet names can't be read.
pub const FILE: &str = "bear::hosts::file";
/// The broker needs a secret that nobody gave.
const SECRET: &str = "bear::hosts::secret";
/// The machine has no IPv4 address to name a node after.
const ADDRESS: &str = "bear::hosts::address";
/// This broker is for other machines.
const EMBEDDED: &str = "bear::hosts::embedded";

/// A broker as it is put on a machine.
pub(crate) enum Broker {
    Emqx(Box<Emqx>),
    Mosquitto(Box<Mosquitto>),
}

/// What is put on a machine, apart from its files.
pub(crate) struct Order<'a> {
    pub(crate) spec: &'a Spec,
    /// What an EMQX node is named after.
    pub(crate) address: Ipv4Addr,
    pub(crate) secrets: &'a Secrets,
    /// Where the image file lies on the machine.
    pub(crate) image_file: &'a str,
    /// What it is for, as errors begin.
    pub(crate) doing: &'a str,
}

impl Broker {
    /// The broker that is ordered; reads the files that the fleet names.
    pub(crate) fn of(order: &Order<'_>, settings: &Settings) -> Result<Self, StepError> {
        match &order.spec.broker {
            model::Broker::Emqx(emqx) => order.emqx(emqx, settings).map(|emqx| Self::Emqx(Box::new(emqx))),
            model::Broker::Mosquitto(mosquitto) => {
                order.mosquitto(mosquitto, settings).map(|mosquitto| Self::Mosquitto(Box::new(mosquitto)))
            }
            model::Broker::Embedded(_) => Err(StepError::permanent(
                EMBEDDED,
                format!("{}: the embedded broker runs with `provider: local` only", order.doing),
            )
            .with_help("write `emqx` or `mosquitto` as the `broker` of this group")),
        }
    }

    pub(crate) fn install(&self) -> Result<Recipe, Refusal> {
        match self {
            Self::Emqx(emqx) => emqx.install(),
            Self::Mosquitto(mosquitto) => mosquitto.install(),
        }
    }

    /// Every port that it listens on.
    pub(crate) fn listens(&self) -> Result<Ports, Refusal> {
        match self {
            Self::Emqx(emqx) => emqx.listens(),
            Self::Mosquitto(mosquitto) => mosquitto.listens(),
        }
    }

    /// The image that it runs from; none for a package.
    pub(crate) fn image(&self) -> Option<&Image> {
        match self {
            Self::Emqx(emqx) => Some(&emqx.image),
            Self::Mosquitto(mosquitto) => match &mosquitto.form {
                Form::Container(image) => Some(image),
                Form::Package(_) => None,
            },
        }
    }

    /// The recipes for the machine, in order: Docker, if it is needed or wanted, and the broker.
    pub(crate) fn recipes(&self, spec: &Spec) -> Result<Vec<Recipe>, Refusal> {
        let wanted = spec.install.as_ref().and_then(|install| install.docker.as_ref());
        let docker = (wanted.is_some() || self.image().is_some())
            .then(|| Docker::from_fleet(wanted)?.install())
            .transpose()?;
        Ok(docker.into_iter().chain([self.install()?]).collect())
    }
}

impl Order<'_> {
    fn emqx(&self, emqx: &model::Emqx, settings: &Settings) -> Result<Emqx, StepError> {
        let version: Version = emqx.version.0.parse().map_err(|refusal| refused(self.doing, &refusal))?;
        let source = self.source(emqx.registry.as_ref(), emqx.image_file.as_ref());
        Ok(Emqx {
            image: Image::emqx(&version, source),
            version,
            address: self.address,
            ports: self.spec.ports,
            dashboard_address: emqx.dashboard_bind.unwrap_or(Ipv4Addr::LOCALHOST),
            tls: self.certificate(emqx.tls.as_ref(), settings)?,
            admin_password: self.secret("the password of `admin`", self.secrets.admin_password.as_ref())?,
            cookie: self.secret("the cookie of its nodes", self.secrets.cookie.as_ref())?,
            license_key: emqx
                .license
                .is_some()
                .then(|| self.secret("the licence key", self.secrets.license.as_ref()))
                .transpose()?,
        })
    }

    fn mosquitto(&self, mosquitto: &model::Mosquitto, settings: &Settings) -> Result<Mosquitto, StepError> {
        let version = &mosquitto.version.0;
        let source = self.source(mosquitto.registry.as_ref(), mosquitto.image_file.as_ref());
        let form = if mosquitto.container {
            Form::Container(Image::mosquitto(version, source))
        } else {
            Form::Package(version.clone())
        };
        let user = |Authentication { username, .. }: &Authentication| {
            let password = self.secret("the password of its clients", self.secrets.user_password.as_ref())?;
            Ok::<_, StepError>(User { name: username.clone(), password })
        };
        Ok(Mosquitto {
            form,
            ports: self.spec.ports,
            user: mosquitto.authentication.as_ref().map(user).transpose()?,
            tls: self.certificate(mosquitto.tls.as_ref(), settings)?,
        })
    }

    fn source(&self, registry: Option<&String>, file: Option<&String>) -> ImageSource {
        match (registry, file) {
            (_, Some(_)) => ImageSource::File(self.image_file.to_owned()),
            (Some(registry), None) => ImageSource::Registry(registry.clone()),
            (None, None) => ImageSource::Default,
        }
    }

    fn certificate(&self, tls: Option<&Tls>, settings: &Settings) -> Result<Option<Certificate>, StepError> {
        let Some(tls) = tls else { return Ok(None) };
        let read = |text: &String| {
            let path = settings.path(text);
            std::fs::read_to_string(&path).map_err(|error| {
                StepError::permanent(FILE, format!("{}: reading {}: {error}", self.doing, path.display()))
                    .with_help(
                        "the fleet file names it under `tls`: see that it is there, and that you may read it",
                    )
            })
        };
        Ok(Some(Certificate {
            chain: read(&tls.certificate)?,
            key: self.secret("the private key of its certificate", self.secrets.tls_key.as_ref())?,
            authorities: tls.ca.as_ref().map(read).transpose()?,
        }))
    }

    fn secret(&self, what: &str, secret: Option<&String>) -> Result<String, StepError> {
        secret.cloned().ok_or_else(|| {
            StepError::permanent(SECRET, format!("{}: {what} is not known", self.doing))
                .with_help("`bear plan` says where the fleet file has it from; `bear doctor` tries to get it")
        })
    }
}

impl Secrets {
    /// Stand-ins that every recipe takes, for when nothing is sent anywhere.
    fn of_nobody() -> Self {
        Self {
            admin_password: Some("not-a-password-1".to_owned()),
            cookie: Some("nocookie".to_owned()),
            license: Some("no licence".to_owned()),
            user_password: Some("not-a-password-1".to_owned()),
            tls_key: Some("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n".to_owned()),
        }
    }
}

impl Hosts {
    /// The rendered settings of a broker without any secret, for the diff in a plan; none if they would be refused.
    pub fn configuration(&self, spec: &Spec) -> Option<String> {
        let recipe = self.imagine(spec, "").ok()?.install().ok()?;
        recipe.configuration().map(|Configuration { text, .. }| text.clone())
    }

    /// Every port that a broker of this spec listens on.
    pub(crate) fn listens(&self, spec: &Spec, doing: &str) -> Result<Ports, StepError> {
        let broker = self.imagine(spec, doing)?;
        broker.listens().map_err(|refusal| refused(doing, &refusal))
    }

    /// What a recipe would refuse, for the plan to say before anything is done.
    ///
    /// # Errors
    ///
    /// A version that EMQX can't go to from the one before, a listener that the broker does not have, and the like.
    pub fn refuse(&self, from: Option<&Spec>, to: &Spec) -> Result<(), StepError> {
        let doing = format!("planning {}", to.broker.as_str());
        let broker = self.imagine(to, &doing)?;
        broker.recipes(to).map_err(|refusal| refused(&doing, &refusal))?;
        if let (Some(model::Broker::Emqx(from)), model::Broker::Emqx(to)) =
            (from.map(|spec| &spec.broker), &to.broker)
        {
            let step = || emqx::upgrade(&from.version.0.parse()?, &to.version.0.parse()?);
            step().map_err(|refusal| refused(&doing, &refusal))?;
        }
        Ok(())
    }

    /// The recipes of a broker as it was wanted before, without its secrets; none if they would be refused now.
    pub(crate) fn imagine_recipes(&self, spec: &Spec) -> Option<Vec<Recipe>> {
        self.imagine(spec, "").ok()?.recipes(spec).ok()
    }

    /// A broker without its secrets and its address: good for its settings and its ports, never to be sent.
    fn imagine(&self, spec: &Spec, doing: &str) -> Result<Broker, StepError> {
        let (secrets, address) = (Secrets::of_nobody(), Ipv4Addr::UNSPECIFIED);
        let order = Order { spec, address, secrets: &secrets, image_file: "image.tar", doing };
        Broker::of(&order, self.settings())
    }
}

/// What an EMQX node on this machine is named after.
pub(crate) fn node_address(machine: &Machine, doing: &str) -> Result<Ipv4Addr, StepError> {
    let text = machine.private_address.as_ref().unwrap_or(&machine.address);
    text.parse().map_err(|_| {
        StepError::permanent(
            ADDRESS,
            format!("{doing}: an EMQX node needs an IPv4 address, and {text} is none"),
        )
        .with_help("write the host's IPv4 address as `address`")
    })
}
