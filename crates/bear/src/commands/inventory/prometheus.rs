//! Targets for Prometheus, as its `file_sd_configs` reads them.

use std::net::Ipv4Addr;

use bear_core::fleet::model::Broker;
use bear_core::name::FleetName;
use serde_json::{Value, json};

use super::{Item, authority};
use crate::printer::Printer;
use crate::render::words::count;

/// Where EMQX 5 and 6 tell their metrics, on the port of the dashboard.
const EMQX_METRICS: &str = "/api/v5/prometheus/stats";

/// Prints the targets, and says how many instances are none and which can't be reached.
pub(super) fn show(fleet: &FleetName, items: &[Item<'_>], printer: &Printer) {
    let targets = items.iter().filter_map(|item| target(fleet, item)).collect::<Vec<_>>();
    printer.document(&targets);
    let without = items.len() - targets.len();
    if without > 0 {
        printer.note(format_args!(
            "left out what has no metrics, for only EMQX does: {}",
            count(without, "instance")
        ));
    }
    let closed = items.iter().filter(|item| is_closed(item)).count();
    if closed > 0 {
        printer.note(format_args!(
            "the dashboards of {} listen on 127.0.0.1 alone, so only a Prometheus on the host itself can ask them; \
             `dashboard_bind` in the fleet file opens them",
            count(closed, "instance")
        ));
    }
}

/// An instance as Prometheus asks it; none if its broker has no metrics.
fn target(fleet: &FleetName, item: &Item<'_>) -> Option<Value> {
    let Broker::Emqx(_) = item.recorded.spec.broker else { return None };
    Some(json!({
        "targets": [authority(&item.machine.address, item.installed.ports.dashboard?)],
        "labels": {
            "__metrics_path__": EMQX_METRICS,
            "instance": item.name,
            "fleet": fleet,
            "group": item.recorded.group,
        },
    }))
}

/// Whether the metrics can be had on the host alone.
fn is_closed(item: &Item<'_>) -> bool {
    let Broker::Emqx(emqx) = &item.recorded.spec.broker else { return false };
    let default = item.recorded.spec.host.as_ref().map(|_| Ipv4Addr::LOCALHOST);
    emqx.dashboard_bind.or(default).is_some_and(|address| address.is_loopback())
}
