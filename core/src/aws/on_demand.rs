//! Clients of services, made when they are needed, and given up when many others were made since: a
//! client takes 16 KB, and a thousand targets have thousands.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// How many clients are kept: more than make calls at the same time.
const KEPT: usize = 256;

/// A client that is made when it is needed.
pub(crate) struct OnDemand<C>(Arc<Inner<C>>);

struct Inner<C> {
    client: Mutex<Option<C>>,
    make: Box<dyn Fn() -> C + Send + Sync>,
    kept: Arc<Kept>,
}

/// The clients that exist, in the order in which they were made.
#[derive(Default)]
pub(super) struct Kept(Mutex<VecDeque<Weak<dyn GiveUp>>>);

trait GiveUp: Send + Sync {
    fn give_up(&self);
}

impl<C: Send> GiveUp for Inner<C> {
    fn give_up(&self) {
        *self.client.lock() = None;
    }
}

impl<C: Clone + Send + 'static> OnDemand<C> {
    pub(super) fn new(kept: &Arc<Kept>, make: impl Fn() -> C + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            client: Mutex::new(None),
            make: Box::new(make),
            kept: Arc::clone(kept),
        }))
    }

    /// The client. Calls that it has begun go on when it is given up.
    pub(crate) fn get(&self) -> C {
        let client = {
            let mut known = self.0.client.lock();
            if let Some(client) = &*known {
                return client.clone();
            }
            known.insert((self.0.make)()).clone()
        };
        let this: Arc<dyn GiveUp> = Arc::<Inner<C>>::clone(&self.0);
        self.0.kept.add(&this);
        client
    }
}

impl Kept {
    fn add(&self, client: &Arc<dyn GiveUp>) {
        let mut oldest = Vec::new();
        {
            let mut kept = self.0.lock();
            kept.push_back(Arc::downgrade(client));
            while kept.len() > KEPT {
                oldest.extend(kept.pop_front().and_then(|oldest| oldest.upgrade()));
            }
        }
        for client in oldest {
            client.give_up();
        }
    }
}

impl<C> Clone for OnDemand<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for OnDemand<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDemand").finish_non_exhaustive()
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_made_once_while_few_and_again_when_given_up() {
        let (kept, made) = (Arc::<Kept>::default(), Arc::<Mutex<usize>>::default());
        let new = || {
            let made = Arc::clone(&made);
            OnDemand::new(&kept, move || {
                *made.lock() += 1;
                Arc::new(())
            })
        };
        let first = new();
        let client = first.get();
        assert!(Arc::ptr_eq(&client, &first.get()));
        let others: Vec<_> = (0..2 * KEPT).map(|_| new()).collect();
        assert_eq!(*made.lock(), 1, "none is made before it is needed");
        let clients: Vec<_> = others
            .iter()
            .map(|other| Arc::downgrade(&other.get()))
            .collect();
        let alive = clients.iter().filter(|client| client.strong_count() > 0);
        assert_eq!(alive.count(), KEPT);
        assert!(!Arc::ptr_eq(&client, &first.get()), "it was given up");
    }
}
