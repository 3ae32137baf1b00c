//! Forms: a few fields to fill in, such as the name of a new fleet.

use bear_core::fleet::Edit;
use bear_core::fleet::model::ProviderKind;
use bear_core::name::{FleetName, GroupName, MemberName};

use crate::effect::Effect;

/// The providers to choose from, and what each means.
pub(crate) const PROVIDERS: [(ProviderKind, &str); 3] = [
    (ProviderKind::Local, "processes of this machine"),
    (ProviderKind::Hosts, "machines that exist, over SSH"),
    (ProviderKind::Aws, "machines on Amazon EC2"),
];

/// The longest text that a field takes.
const FIELD_MAX: usize = 200;

/// What a form is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Fleet,
    Member { group: GroupName },
    Version { group: GroupName },
}

/// One field.
#[derive(Clone, Debug)]
pub(crate) enum Field {
    Text {
        label: &'static str,
        text: String,
    },
    /// One of [`PROVIDERS`].
    Provider(usize),
}

/// A few fields to fill in.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) purpose: Purpose,
    pub(crate) fields: Vec<Field>,
    pub(crate) at: usize,
    /// Why it was not taken.
    pub(crate) error: Option<String>,
}

impl Form {
    pub(crate) fn fleet() -> Self {
        Self::new(Purpose::Fleet, vec![text("name", ""), Field::Provider(0)])
    }

    pub(crate) fn member(group: GroupName, provider: ProviderKind) -> Self {
        let mut fields = vec![text("name", "")];
        if provider == ProviderKind::Hosts {
            fields.push(text("address", ""));
        }
        Self::new(Purpose::Member { group }, fields)
    }

    pub(crate) fn version(group: GroupName, present: &str) -> Self {
        Self::new(Purpose::Version { group }, vec![text("version", present)])
    }

    fn new(purpose: Purpose, fields: Vec<Field>) -> Self {
        Self { purpose, fields, at: 0, error: None }
    }

    /// What the form asks for.
    pub(crate) fn title(&self) -> String {
        match &self.purpose {
            Purpose::Fleet => "A new fleet".to_owned(),
            Purpose::Member { group } => format!("A new instance of group {group}"),
            Purpose::Version { group } => format!("Another version for group {group}"),
        }
    }

    pub(crate) fn next(&mut self) {
        self.at = (self.at + 1) % self.fields.len().max(1);
    }

    pub(crate) fn previous(&mut self) {
        self.at = (self.at + self.fields.len().saturating_sub(1)) % self.fields.len().max(1);
    }

    /// Goes to a field, and chooses one of its values where it has several.
    pub(crate) fn choose(&mut self, (field, value): (usize, Option<usize>)) {
        self.at = field.min(self.fields.len().saturating_sub(1));
        if let (Some(Field::Provider(chosen)), Some(value)) = (self.fields.get_mut(self.at), value) {
            *chosen = value.min(PROVIDERS.len() - 1);
        }
    }

    /// Whether the field with the cursor is the last.
    pub(crate) fn is_last(&self) -> bool {
        self.at + 1 >= self.fields.len()
    }

    pub(crate) fn add(&mut self, c: char) {
        self.error = None;
        match self.fields.get_mut(self.at) {
            Some(Field::Text { text, .. }) if text.len() < FIELD_MAX && !c.is_control() => text.push(c),
            Some(Field::Provider(_)) if c == ' ' => self.turn(1),
            _ => {}
        }
    }

    pub(crate) fn rub_out(&mut self, all: bool) {
        if let Some(Field::Text { text, .. }) = self.fields.get_mut(self.at) {
            if all {
                text.clear();
            } else {
                text.pop();
            }
        }
    }

    /// Turns to another provider.
    pub(crate) fn turn(&mut self, by: usize) {
        if let Some(Field::Provider(at)) = self.fields.get_mut(self.at) {
            *at = (*at + by) % PROVIDERS.len();
        }
    }

    /// What is to be done once it is filled in; `file` is the fleet file that is shown.
    pub(crate) fn done(&self, file: &str) -> Result<Effect, String> {
        let text = |at: usize| match self.fields.get(at) {
            Some(Field::Text { text, .. }) => text.trim(),
            _ => "",
        };
        let file = file.to_owned();
        match &self.purpose {
            Purpose::Fleet => {
                let name = FleetName::new(text(0)).map_err(|error| error.to_string())?;
                let at = self.fields.iter().find_map(|field| match field {
                    Field::Provider(at) => PROVIDERS.get(*at),
                    Field::Text { .. } => None,
                });
                let provider = at.map_or(ProviderKind::Local, |(kind, _)| *kind);
                Ok(Effect::CreateFleet { name, provider })
            }
            Purpose::Member { group } => {
                let member = MemberName::new(text(0)).map_err(|error| error.to_string())?;
                let address = (self.fields.len() > 1).then(|| text(1).to_owned());
                if address.as_deref() == Some("") {
                    return Err("the address of its host is needed".to_owned());
                }
                let edit = Edit::AddMember { group: group.clone(), member, address };
                Ok(Effect::Edit { file, edit })
            }
            Purpose::Version { group } => {
                let version = text(0).to_owned();
                if version.is_empty() {
                    return Err("a version is needed, such as `5.8.9`".to_owned());
                }
                Ok(Effect::Edit { file, edit: Edit::Version { group: group.clone(), version } })
            }
        }
    }
}

fn text(label: &'static str, text: &str) -> Field {
    Field::Text { label, text: text.to_owned() }
}
