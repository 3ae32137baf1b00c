//! Where instances come from: the trait [`Provider`], and the adapters that need no heavy dependency.

pub mod local;

use async_trait::async_trait;
use bear_core::event::StepError;
use bear_core::fleet::{Foundation, Spec};
use bear_core::name::InstanceName;
use bear_core::observed::Observed;
use bear_core::state::v1::{Machine, Recorded};

/// Makes machines, finds them again, and destroys them.
///
/// Requests come in batches, so that a fleet of any size costs calls in proportion to its pages, not its instances.
/// Every call is safe to repeat: a machine is known by its token, so that a repeated request finds what an earlier
/// one made. A future that is dropped may have had its effect; the next [`Provider::observe`] tells.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The most requests that one call takes; at least 1.
    fn batch_max(&self) -> usize;

    /// Looks at the machines of the instances that the state knows, at what they share, and for machines that are
    /// marked as the fleet's and that the state does not know. What can't be found is absent; what can't be looked at
    /// is an error, never taken for absent.
    async fn observe(&self, known: &[Known<'_>], foundations: &[&Foundation]) -> Result<Observed, StepError>;

    /// Makes a machine for each request, or finds the one that an earlier request with the same token made. The
    /// results stand in the order of the requests.
    ///
    /// A token comes again only while nobody has seen its machine: after an interrupted or failed request, also one of
    /// an earlier run. Then its launch is the same as before, but others of that launch may not come along.
    async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>>;

    /// Destroys the machine of each request; one that is gone already counts as destroyed. The results stand in the
    /// order of the requests.
    async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>>;

    /// Makes what the machines of a region share what it shall be, whatever there is of it.
    ///
    /// A provider whose machines share nothing has nothing to do.
    async fn lay_foundation(&self, _foundation: &Foundation) -> Result<(), StepError> {
        Ok(())
    }

    /// Removes what the machines of a region share; what is gone already counts as removed.
    async fn remove_foundation(&self, _foundation: &Foundation) -> Result<(), StepError> {
        Ok(())
    }
}

/// An instance that the state knows.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its name.
    pub instance: &'a InstanceName,
    /// What is recorded about it.
    pub recorded: &'a Recorded,
}

/// A machine to make.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// The instance it is for.
    pub instance: InstanceName,
    /// What it is marked with, and found again by.
    pub token: String,
    /// The launch that it belongs to: like machines that were first asked for together, at most
    /// [`Provider::batch_max`], have one. It is the token of the first of them.
    pub launch: String,
    /// Whether an earlier request for it may have had its effect.
    pub again: bool,
    /// What the instance shall be.
    pub spec: Spec,
}

/// A machine to destroy.
#[derive(Clone, Debug)]
pub struct DestroyRequest {
    /// The instance it belongs to.
    pub instance: InstanceName,
    /// What it is marked with.
    pub token: String,
    /// The launch that it was asked for by, where that is known: a machine whose making was cut off may bear this mark
    /// and not its own yet.
    pub launch: Option<String>,
    /// What the instance was last asked to be.
    pub spec: Spec,
    /// The machine; none if it was never seen, and may or may not exist.
    pub machine: Option<Machine>,
}
