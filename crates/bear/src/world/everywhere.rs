//! One provider for a fleet whose machines come from several, as when a fleet file was just changed to another.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bear_core::event::StepError;
use bear_core::fleet::Foundation;
use bear_core::fleet::model::ProviderKind;
use bear_core::observed::Observed;
use bear_core::state::v1::Machine;
use bear_hosts::Hosts;
use bear_provider::local::LocalProvider;
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};
use futures_util::future::{join_all, try_join_all};

use super::ec2::Ec2;

/// Hands each request to the provider that its spec names.
pub(super) struct Everywhere {
    pub(super) local: Arc<LocalProvider>,
    pub(super) hosts: Hosts,
    pub(super) ec2: Ec2,
}

impl Everywhere {
    fn provider(&self, kind: ProviderKind) -> &dyn Provider {
        match kind {
            ProviderKind::Local => self.local.as_ref(),
            ProviderKind::Hosts => &self.hosts,
            ProviderKind::Aws => &self.ec2,
        }
    }
}

#[async_trait]
impl Provider for Everywhere {
    fn batch_max(&self) -> usize {
        // A launch on EC2 has to stay whole. What is too much for the others is parted here.
        self.ec2.batch_max()
    }

    async fn observe(&self, known: &[Known<'_>], foundations: &[&Foundation]) -> Result<Observed, StepError> {
        let mut parts = parted(known, |known| known.recorded.spec.provider);
        if !foundations.is_empty() {
            parts.entry(ProviderKind::Aws).or_default();
        }
        let looks = parts.iter().map(|(kind, part)| async {
            let known = part.iter().map(|(_, known)| *known).collect::<Vec<_>>();
            let foundations = if *kind == ProviderKind::Aws { foundations } else { &[] };
            self.provider(*kind).observe(&known, foundations).await
        });
        Ok(try_join_all(looks).await?.into_iter().fold(Observed::new(), Observed::and))
    }

    async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>> {
        let create = |kind, part: Vec<CreateRequest>| async move {
            let provider = self.provider(kind);
            let calls = part.chunks(provider.batch_max()).map(|call| provider.create(call));
            join_all(calls).await.into_iter().flatten().collect()
        };
        shared_out(requests, |request| request.spec.provider, create).await
    }

    async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>> {
        let destroy = |kind, part: Vec<DestroyRequest>| async move {
            let provider = self.provider(kind);
            let calls = part.chunks(provider.batch_max()).map(|call| provider.destroy(call));
            join_all(calls).await.into_iter().flatten().collect()
        };
        shared_out(requests, |request| request.spec.provider, destroy).await
    }

    async fn lay_foundation(&self, foundation: &Foundation) -> Result<(), StepError> {
        self.ec2.lay_foundation(foundation).await
    }

    async fn remove_foundation(&self, foundation: &Foundation) -> Result<(), StepError> {
        self.ec2.remove_foundation(foundation).await
    }
}

/// Hands each part of the requests to whoever it is for, all at once. The results stand in the order of the requests.
pub(super) async fn shared_out<Q: Clone, K: Ord, T, F: Future<Output = Vec<T>>>(
    requests: &[Q],
    key: impl Fn(&Q) -> K,
    serve: impl Fn(K, Vec<Q>) -> F,
) -> Vec<T> {
    let served = parted(requests, key).into_iter().map(|(key, part)| {
        let (places, part): (Vec<_>, Vec<_>) = part.into_iter().unzip();
        let results = serve(key, part);
        async move { places.into_iter().zip(results.await).collect::<Vec<_>>() }
    });
    let mut results = join_all(served).await.into_iter().flatten().collect::<Vec<_>>();
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

/// What belongs together, each with its place among all.
pub(super) fn parted<T: Clone, K: Ord>(all: &[T], key: impl Fn(&T) -> K) -> BTreeMap<K, Vec<(usize, T)>> {
    let mut parts = BTreeMap::<_, Vec<_>>::new();
    for (place, one) in all.iter().enumerate() {
        parts.entry(key(one)).or_default().push((place, one.clone()));
    }
    parts
}
