//! What every model must do alike, on `scheduled`.

use crate::application::router;
use crate::server::Server;
use crate::{behaviour, malformed};

#[test]
fn it_behaves_as_every_model_does() {
    let server = Server::start(2, router(), behaviour::limits);
    behaviour::check_all(server.address);
}

#[test]
fn what_is_malformed_is_refused() {
    let server = Server::start(1, router(), behaviour::limits);
    malformed::check_all(server.address);
    malformed::check_two_framings(server.address);
}
