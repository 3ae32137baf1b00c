//! Tests of the fake EC2: what it does as EC2, and that it goes wrong as it is told to.

mod boto;
mod client;
mod endpoint;
mod exactly_once;
mod faults;
mod foundation;
mod instances;
mod time;
