//! One provider for a fleet whose machines come from several, as when a fleet file was just changed to another.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bear_core::event::StepError;
use bear_core::fleet::model::ProviderKind;
use bear_core::observed::Observed;
use bear_core::state::v1::Machine;
use bear_hosts::Hosts;
use bear_provider::local::LocalProvider;
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};
use futures_util::future::{join_all, try_join_all};

/// Hands each request to the provider that its spec names.
pub(super) struct Everywhere {
    pub(super) local: Arc<LocalProvider>,
    pub(super) hosts: Hosts,
}

impl Everywhere {
    fn provider(&self, kind: ProviderKind) -> Result<&dyn Provider, StepError> {
        match kind {
            ProviderKind::Local => Ok(self.local.as_ref()),
            ProviderKind::Hosts => Ok(&self.hosts),
            ProviderKind::Aws => Err(StepError::permanent(
                "bear::provider::not_yet",
                "the provider `aws` comes with a later version of bear",
            )),
        }
    }
}

#[async_trait]
impl Provider for Everywhere {
    fn batch_max(&self) -> usize {
        self.local.batch_max().min(self.hosts.batch_max())
    }

    async fn observe(&self, known: &[Known<'_>]) -> Result<Observed, StepError> {
        let parts = by_kind(known.iter().copied(), |known| known.recorded.spec.provider);
        let looks = parts.iter().map(|(kind, part)| async {
            let known = part.iter().map(|(_, known)| *known).collect::<Vec<_>>();
            self.provider(*kind)?.observe(&known).await
        });
        Ok(try_join_all(looks).await?.into_iter().flatten().collect())
    }

    async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>> {
        let parts = by_kind(requests.iter().cloned(), |request| request.spec.provider);
        let made = parts.into_iter().map(|(kind, part)| async move {
            let (places, requests): (Vec<_>, Vec<_>) = part.into_iter().unzip();
            let results = match self.provider(kind) {
                Ok(provider) => provider.create(&requests).await,
                Err(error) => requests.iter().map(|_| Err(error.clone())).collect(),
            };
            places.into_iter().zip(results).collect::<Vec<_>>()
        });
        in_order(join_all(made).await)
    }

    async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>> {
        let parts = by_kind(requests.iter().cloned(), |request| request.spec.provider);
        let ended = parts.into_iter().map(|(kind, part)| async move {
            let (places, requests): (Vec<_>, Vec<_>) = part.into_iter().unzip();
            let results = match self.provider(kind) {
                Ok(provider) => provider.destroy(&requests).await,
                Err(error) => requests.iter().map(|_| Err(error.clone())).collect(),
            };
            places.into_iter().zip(results).collect::<Vec<_>>()
        });
        in_order(join_all(ended).await)
    }
}

/// What belongs to each provider, with its place among all.
fn by_kind<T>(
    all: impl Iterator<Item = T>,
    kind_of: impl Fn(&T) -> ProviderKind,
) -> BTreeMap<ProviderKind, Vec<(usize, T)>> {
    let mut parts = BTreeMap::<_, Vec<_>>::new();
    for (place, one) in all.enumerate() {
        parts.entry(kind_of(&one)).or_default().push((place, one));
    }
    parts
}

/// The results of all parts, in the order in which they were asked for.
fn in_order<T>(parts: Vec<Vec<(usize, T)>>) -> Vec<T> {
    let mut results = parts.into_iter().flatten().collect::<Vec<_>>();
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}
