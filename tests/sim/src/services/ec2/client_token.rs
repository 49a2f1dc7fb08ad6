//! Client tokens: the same token with the same parameters answers the same resource, dead or alive
//! (R1.2.2).

use crate::services::Request;
use crate::wire::{Fail, Query};
use crate::world::World;

/// The token of a request, with the parameters that it stands for.
pub(super) struct ClientToken {
    place: (String, String, String),
    parameters: String,
}

impl ClientToken {
    pub(super) fn new(token: String, query: &Query, request: &Request<'_>) -> Self {
        let mut parameters = String::new();
        for (name, value) in query.pairs() {
            parameters.push_str(&format!("{name}={value}\n"));
        }
        let (account, region) = (request.account().to_owned(), request.region.to_owned());
        Self {
            place: (account, region, token),
            parameters,
        }
    }

    /// The ID of the resource that an earlier request with this token made.
    ///
    /// # Errors
    /// `IdempotentParameterMismatch` if that request had other parameters.
    pub(super) fn recall<'a>(&self, world: &'a World) -> Result<Option<&'a str>, Fail> {
        match world.tokens.get(&self.place) {
            None => Ok(None),
            Some((parameters, id)) if *parameters == self.parameters => Ok(Some(id)),
            Some(_) => {
                let message = "The request uses the same client token as a previous, but \
                               non-identical request.";
                Err(Fail::bad("IdempotentParameterMismatch", message))
            }
        }
    }

    /// Remembers what the request made.
    pub(super) fn remember(self, world: &mut World, id: &str) {
        let made = (self.parameters, id.to_owned());
        world.tokens.insert(self.place, made);
    }
}
