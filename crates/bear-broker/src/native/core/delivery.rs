//! Who gets a message, and how: at most one copy a session, whatever number of its subscriptions match.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::message::{Delivery, Message, Qos, Subscription};
use super::state::State;
use super::topic::Filter;

/// The subscriptions with one filter in one group; one of them gets each message.
type Shares<'a> = BTreeMap<(&'a str, &'a str), Vec<(&'a str, &'a Subscription)>>;

/// Everyone that a message is for. `turn` says whose turn it is where a group shares a filter; groups prefer members
/// that are connected.
pub(super) fn deliveries(
    state: &State,
    publisher: &str,
    message: &Message,
    turn: usize,
) -> BTreeMap<String, Delivery> {
    let mut deliveries = BTreeMap::new();
    let mut shares = Shares::new();
    for (client, text) in state.routes.matching(&message.topic) {
        let subscription = state.sessions.get(client).and_then(|session| session.subscriptions.get(text));
        let (Some(subscription), Some(filter)) = (subscription, Filter::parse(text)) else { continue };
        match filter.group {
            Some(group) => shares.entry((group, filter.levels)).or_default().push((client, subscription)),
            None if subscription.no_local && client == publisher => {}
            None => add(&mut deliveries, client, subscription, message),
        }
    }
    for members in shares.values_mut() {
        let connected =
            |client: &str| state.sessions.get(client).is_some_and(|session| session.away_since.is_none());
        if members.iter().any(|(client, _)| connected(client)) {
            members.retain(|(client, _)| connected(client));
        }
        let (client, subscription) = members[turn % members.len()];
        add(&mut deliveries, client, subscription, message);
    }
    deliveries
}

/// Adds what one matching subscription asks for to what the others of the session asked for.
fn add(
    deliveries: &mut BTreeMap<String, Delivery>,
    client: &str,
    subscription: &Subscription,
    message: &Message,
) {
    let wanted = delivery(subscription, message.qos, subscription.retain_as_published && message.retain);
    match deliveries.entry(client.to_owned()) {
        Entry::Vacant(entry) => {
            entry.insert(wanted);
        }
        Entry::Occupied(entry) => {
            let delivery = entry.into_mut();
            delivery.qos = delivery.qos.max(wanted.qos);
            delivery.retain |= wanted.retain;
            delivery.subscription_ids.extend(wanted.subscription_ids);
        }
    }
}

pub(super) fn delivery(subscription: &Subscription, published: Qos, retain: bool) -> Delivery {
    Delivery {
        qos: subscription.qos.min(published),
        retain,
        subscription_ids: subscription.id.into_iter().collect(),
    }
}
