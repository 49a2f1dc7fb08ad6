//! What statements that this tool did not write let others do.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::document::read_statement;
use super::read_once::NamedStatements;
use super::{KeyPolicy, foreign};
use crate::id::KeyArn;
use crate::policy::evaluate::{self, CalledBy, Caller, Decision, KeyCall};
use crate::policy::launch_call::{caller_context, launch_context};
use crate::policy::launch_operations::{CREATE_GRANT, DISCLOSING_ACTIONS};
use crate::policy::statement::{Statements, sid_or_number};

/// The actions that encrypt or decrypt data, and the one that hands such use on.
const USING_ACTIONS: [&str; 8] = [
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:GenerateDataKeyPair",
    CREATE_GRANT,
];

/// What attaching a volume asks of its key (R4.3).
const ATTACHING_ACTIONS: [&str; 2] = ["kms:Decrypt", CREATE_GRANT];

impl KeyPolicy {
    /// The statements that this tool did not write: the Sid or the number of each, and the
    /// principals that it allows something.
    pub(crate) fn foreign_statements(&self, key: &KeyArn) -> Vec<(String, Vec<String>)> {
        let statements = self.parsed_foreign_statements(key);
        let statements = statements.iter();
        statements
            .map(|(name, statement)| (name.clone(), foreign::allowed_principals(statement)))
            .collect()
    }

    /// The statements that this tool did not write, each with its Sid or number.
    fn parsed_foreign_statements(&self, key: &KeyArn) -> Cow<'_, NamedStatements> {
        self.read
            .foreign(key, || self.parse_foreign_statements(key))
    }

    fn parse_foreign_statements(&self, key: &KeyArn) -> NamedStatements {
        let templates = self.all_templates(key);
        let mut statements = Vec::new();
        for (index, raw) in self.document.statements.iter().enumerate() {
            if !templates.iter().any(|template| template.owns(raw)) {
                let statement = read_statement(raw);
                statements.push((sid_or_number(&statement, index), statement));
            }
        }
        statements
    }

    /// The principals that statements of others let use the key for data: by themselves or by a
    /// grant that they make. Who is surely denied all of that uses nothing.
    pub(crate) fn other_users(&self, key: &KeyArn) -> BTreeSet<String> {
        let mut users = BTreeSet::new();
        for (_, statement) in self.parsed_foreign_statements(key).iter() {
            for name in foreign::allowed_principals(statement) {
                let mut actions = USING_ACTIONS.iter();
                let uses = actions.any(|action| {
                    evaluate::concerns(statement, key, &[action])
                        && !self.denies(key, action, &name)
                });
                if uses {
                    users.insert(name);
                }
            }
        }
        users
    }

    /// Whether a statement surely denies a principal an action, both called by itself and through
    /// EC2.
    fn denies(&self, key: &KeyArn, action: &str, principal: &str) -> bool {
        let Some(caller) = Caller::named(principal, key) else {
            return false;
        };
        let by = CalledBy::Caller(&caller);
        let contexts = [caller_context(by, key), launch_context(by, key, action)];
        contexts.iter().all(|context| {
            let call = KeyCall {
                by,
                key,
                action,
                context,
            };
            let denials = evaluate::find_denials(self.statements(), &call);
            denials.iter().any(|denial| denial.unknown.is_none())
        })
    }

    /// The Sid or number of a statement of others by which a caller may use the key, for EC2 or in
    /// another way.
    pub(crate) fn other_way_of(&self, key: &KeyArn, by: CalledBy<'_>) -> Option<String> {
        let context = caller_context(by, key);
        let statements = self.statements();
        for (name, statement) in self.parsed_foreign_statements(key).iter() {
            for action in DISCLOSING_ACTIONS {
                let call = KeyCall {
                    by,
                    key,
                    action,
                    context: &context,
                };
                if evaluate::may_allow(statements, statement, &call) {
                    return Some(name.clone());
                }
            }
        }
        None
    }

    /// Whether statements of others surely let a caller attach volumes under the key.
    pub(crate) fn others_let_attach(&self, key: &KeyArn, caller: &Caller) -> bool {
        let foreign = self.parsed_foreign_statements(key);
        let foreign = foreign.iter().map(|(_, statement)| statement.clone());
        let statements = Statements {
            list: foreign.collect(),
            fills_variables: self.has_variables(),
        };
        let by = CalledBy::Caller(caller);
        let mut actions = ATTACHING_ACTIONS.iter();
        actions.all(|action| {
            let call = KeyCall {
                by,
                key,
                action,
                context: &launch_context(by, key, action),
            };
            let decision = evaluate::evaluate(&statements, &call);
            matches!(decision, Decision::Direct | Decision::Delegated)
        })
    }
}
