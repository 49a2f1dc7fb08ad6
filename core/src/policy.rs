//! Policy documents: the statements in key policies, launch policies, and what a document allows.
//! Pure: text in, text or an answer out.

pub(crate) mod evaluate;
pub(crate) mod key_policy;
pub(crate) mod launch_call;
pub(crate) mod launch_operations;
pub(crate) mod launch_policy;
pub(crate) mod matcher;
pub(crate) mod statement;
