//! Adopting a machine that bear did not make, and looking at what a machine shows on its console.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bear_core::event::StepError;
use bear_core::fleet::Spec;
use bear_core::name::InstanceName;
use bear_core::state::v1::Machine;

use crate::Inner;
use crate::marks;
use crate::seen;
use crate::words;

impl Inner {
    /// Marks a machine as that of an instance.
    pub(crate) async fn import(
        &self,
        instance: &InstanceName,
        token: &str,
        id: &str,
        spec: &Spec,
    ) -> Result<Machine, StepError> {
        let doing = format!("importing {id} as {instance}");
        let found = seen::by_id(&self.api, &[id.to_owned()]).await;
        let found = found.map_err(|failure| self.explain(&failure, &doing))?;
        let refuse = |code, why: String, help: &str| {
            let error = StepError::permanent(code, format!("{doing}: {why}"));
            Err(error.with_help(help).with_nothing_changed())
        };
        let Some(machine) = found.first().filter(|machine| machine.lives()) else {
            return refuse(
                "bear::aws::not_found",
                format!("{} has no machine of that id that lives", self.region()),
                "look up its id in the EC2 console, and in which region it is",
            );
        };
        let lineage = machine.tags.get(marks::LINEAGE);
        if let Some(other) = lineage.filter(|lineage| **lineage != self.settings.lineage) {
            let fleet = machine.tags.get(marks::FLEET).unwrap_or(other);
            return refuse(
                "bear::aws::other_fleet",
                format!("it belongs to the fleet {fleet} (lineage {other})"),
                "if that fleet has no use for it any more, take the tags that begin with `bear:` off it in the EC2 console",
            );
        }
        let marked = machine.whose.as_ref().and_then(|whose| whose.instance.as_ref());
        if let Some(other) = marked.filter(|other| lineage.is_some() && *other != instance) {
            return Err(words::other_instance(&doing, other).with_nothing_changed());
        }
        let mut lacks = marks::of_one(&self.settings, instance, token);
        // Its name may mean something to whoever made it.
        if machine.tags.contains_key("Name") {
            lacks.remove("Name");
        }
        lacks.retain(|key, value| machine.tags.get(key) != Some(value));
        self.tag(id, &lacks, &doing).await?;
        Ok(machine.machine(spec))
    }

    /// What a machine last showed on its console; nothing yet for one that has just begun to boot.
    pub(crate) async fn console(&self, id: &str) -> Result<Option<String>, StepError> {
        let answer =
            self.api.call("GetConsoleOutput", |ec2| ec2.get_console_output().instance_id(id).send()).await;
        let answer =
            answer.map_err(|failure| self.explain(&failure, &format!("reading the console of {id}")))?;
        let text = answer.output().and_then(|encoded| STANDARD.decode(encoded).ok());
        let text = text.map(|text| String::from_utf8_lossy(&text).replace('\r', ""));
        Ok(text.filter(|text| !text.trim().is_empty()))
    }
}
