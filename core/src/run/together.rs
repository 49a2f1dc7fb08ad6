//! Many futures together, but only some at once: a call that waits for its turn takes as much
//! memory as one under way, and a thousand targets have thousands of calls.

use futures::{StreamExt as _, stream};

/// How many go on at once: twice the calls that may be under way unless `max-concurrency` is set.
const AT_ONCE: usize = 64;

/// What the futures give, in their order. None may wait for another one of them. A large future is
/// boxed within a small one, so that it takes memory from when it goes on.
pub(crate) async fn join_some<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    stream::iter(futures).buffered(AT_ONCE).collect().await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn some_go_on_at_once_and_answers_keep_their_order() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let mut futures = Vec::new();
        for n in 0..10 * AT_ONCE {
            let (now, most) = (&now, &most);
            futures.push(async move {
                now.set(now.get() + 1);
                most.set(most.get().max(now.get()));
                tokio::task::yield_now().await;
                now.set(now.get() - 1);
                n
            });
        }
        let answers = join_some(futures).await;
        assert_eq!(answers, (0..10 * AT_ONCE).collect::<Vec<_>>());
        assert_eq!(most.get(), AT_ONCE);
    }
}
