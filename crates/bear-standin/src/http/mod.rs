//! As much of HTTP/1.1 as a dashboard needs.

mod request;
mod response;
mod server;

pub(crate) use request::Request;
pub(crate) use response::Response;
pub(crate) use server::serve;
