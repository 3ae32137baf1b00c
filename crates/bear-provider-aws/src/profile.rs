//! The IAM instance profile of a machine, where it is another than it shall be.

use aws_sdk_ec2::types::IamInstanceProfileSpecification;
use bear_core::event::StepError;
use bear_core::name::InstanceName;

use crate::Inner;
use crate::addresses::absent_is_fine;
use crate::failure::Failure;
use crate::seen::{Seen, filter};

impl Inner {
    /// Gives a machine its profile, another one, or none.
    pub(crate) async fn mend_profile(
        &self,
        instance: &InstanceName,
        seen: &Seen,
        wanted: Option<&str>,
    ) -> Result<(), StepError> {
        if seen.profile.as_deref() == wanted {
            return Ok(());
        }
        let what =
            wanted.map_or_else(|| "no IAM profile".to_owned(), |name| format!("the IAM profile {name}"));
        let doing = format!("giving {instance} ({}) {what}", seen.id);
        self.change_profile(&seen.id, wanted).await.map_err(|failure| self.explain(&failure, &doing))
    }

    async fn change_profile(&self, id: &str, wanted: Option<&str>) -> Result<(), Failure> {
        let has = self.profile_association(id).await?;
        let profile = wanted.map(|name| IamInstanceProfileSpecification::builder().name(name).build());
        match (has, profile) {
            (Some(association), Some(profile)) => {
                let answer = self.api.call("ReplaceIamInstanceProfileAssociation", |ec2| {
                    let request = ec2.replace_iam_instance_profile_association();
                    request.association_id(&association).iam_instance_profile(profile.clone()).send()
                });
                answer.await.map(|_| ())
            }
            (None, Some(profile)) => {
                let answer = self.api.call("AssociateIamInstanceProfile", |ec2| {
                    let request = ec2.associate_iam_instance_profile();
                    request.instance_id(id).iam_instance_profile(profile.clone()).send()
                });
                answer.await.map(|_| ())
            }
            (Some(association), None) => {
                let answer = self.api.call("DisassociateIamInstanceProfile", |ec2| {
                    ec2.disassociate_iam_instance_profile().association_id(&association).send()
                });
                absent_is_fine(answer.await.map(|_| ()))
            }
            (None, None) => Ok(()),
        }
    }

    async fn profile_association(&self, id: &str) -> Result<Option<String>, Failure> {
        let filters = vec![filter("instance-id", [id]), filter("state", ["associating", "associated"])];
        let answer = self
            .api
            .call("DescribeIamInstanceProfileAssociations", |ec2| {
                let request = ec2.describe_iam_instance_profile_associations();
                request.set_filters(Some(filters.clone())).send()
            })
            .await?;
        let first = answer.iam_instance_profile_associations().first();
        Ok(first.and_then(|association| association.association_id()).map(str::to_owned))
    }
}
