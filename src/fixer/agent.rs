//! Asks a model for a fix: context by level, prompt, reply, proposal. Never formats for people, writes or runs.

use std::time::Instant;

use super::context::{Context, ContextRequest, Leads, context_for, resolve};
use super::gate::FixOptions;
use super::prompt::{self, Parts};
use super::redact::Redactor;
use super::reply::{Reply, check_reply, read, reply_schema};
use super::sanitize::{clean, one_line};
use super::{MAX_LEVEL, PastAttempt};
use crate::contract::bug::BugReport;
use crate::contract::fix::{ContextNeed, Edit, FixProposal, LineWindow, Rejection, Usage};
use crate::contract::git::SourceTree;
use crate::contract::model::{AskModel, Limits, ModelRequest, NoReply, NoReplyReason, ProviderFailure};
use crate::contract::outcome::BudgetKind;
use crate::contract::stop::Stopped;

/// Room for a reply: thinking, some edits, a reason.
const MAX_OUTPUT_TOKENS: u32 = 4096;

/// What the agent is to fix, and with what means.
pub struct FixRequest<'a> {
    /// Reports to fix together: best those of one file, or one test.
    pub bugs: &'a [BugReport],
    pub tree: &'a dyn SourceTree,
    /// 1 to [`MAX_LEVEL`].
    pub level: u8,
    /// What turned out to be needed beside what the level shows.
    pub needs: &'a [ContextNeed],
    /// What was offered for these reports before, oldest first.
    pub history: &'a [PastAttempt],
    /// The part of the log that belongs to the reports.
    pub log: &'a str,
    /// What ran, in a line: `step "Test": cargo test`.
    pub facts: &'a str,
    /// What ranks the context.
    pub leads: Leads<'a>,
    pub tokens_left: u64,
    pub cost_left: Option<f64>,
    pub deadline: Instant,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq)]
pub enum Proposed {
    Proposal(Box<FixProposal>),
    /// The reply was read and cannot be tried; `proposal` holds who said it and what it cost.
    Rejected {
        proposal: Box<FixProposal>,
        reason: Rejection,
    },
    /// The model says that what it was shown does not suffice.
    Nothing {
        proposal: Box<FixProposal>,
        why: String,
    },
    /// The model asks for more of the repository.
    Needs {
        proposal: Box<FixProposal>,
        needs: Vec<ContextNeed>,
    },
    /// No provider is left; the last cause of each. Empty: none is configured.
    Exhausted {
        causes: Vec<ProviderFailure>,
        usage: Usage,
    },
    /// The next request could break this budget.
    Budget {
        which: BudgetKind,
        usage: Usage,
    },
    /// The run was stopped.
    Stopped {
        stopped: Stopped,
        usage: Usage,
    },
}

impl Proposed {
    /// What it cost, whatever came of it.
    #[must_use]
    pub fn usage(&self) -> Usage {
        match self {
            Self::Proposal(proposal)
            | Self::Rejected { proposal, .. }
            | Self::Nothing { proposal, .. }
            | Self::Needs { proposal, .. } => proposal.usage,
            Self::Exhausted { usage, .. } | Self::Budget { usage, .. } | Self::Stopped { usage, .. } => {
                *usage
            }
        }
    }
}

/// Builds requests and reads replies.
#[derive(Debug, Clone)]
pub struct FixAgent {
    options: FixOptions,
    redactor: Redactor,
}

impl FixAgent {
    #[must_use]
    pub fn new(options: FixOptions, redactor: Redactor) -> Self {
        Self { options, redactor }
    }

    /// The request as it would be sent, and where edits may lie.
    #[must_use]
    pub fn request(&self, request: &FixRequest<'_>) -> (ModelRequest, Vec<LineWindow>) {
        let context = self.context(request);
        (self.question(request, &context), context.window())
    }

    fn context(&self, request: &FixRequest<'_>) -> Context {
        context_for(
            &ContextRequest {
                bugs: request.bugs,
                needs: request.needs,
                tree: request.tree,
                level: request.level.clamp(1, MAX_LEVEL),
                leads: request.leads,
            },
            &self.options.paths,
            self.options.allow_test_edits,
            &self.redactor,
        )
    }

    fn question(&self, request: &FixRequest<'_>, context: &Context) -> ModelRequest {
        let parts = Parts {
            bugs: request.bugs,
            context,
            log: request.log,
            facts: request.facts,
            history: request.history,
            allow_test_edits: self.options.allow_test_edits,
            guidance: &self.options.guidance,
            level: request.level.clamp(1, MAX_LEVEL),
        };
        ModelRequest {
            system: prompt::system(),
            user: prompt::user(&parts, &self.redactor),
            schema_name: "fix",
            schema: reply_schema(),
            validate: check_reply,
            max_output_tokens: MAX_OUTPUT_TOKENS,
            limits: Limits {
                tokens: request.tokens_left,
                cost: request.cost_left,
                deadline: request.deadline,
            },
        }
    }

    /// Asks once, with failover inside `model`.
    pub async fn propose(&self, model: &mut dyn AskModel, request: &FixRequest<'_>) -> Proposed {
        let context = self.context(request);
        let reply = match model.ask(&self.question(request, &context)).await {
            Ok(reply) => reply,
            Err(NoReply { reason: NoReplyReason::Exhausted(causes), usage }) => {
                return Proposed::Exhausted { causes, usage };
            }
            Err(NoReply { reason: NoReplyReason::Budget(which), usage }) => {
                return Proposed::Budget { which, usage };
            }
            Err(NoReply { reason: NoReplyReason::Stopped(stopped), usage }) => {
                return Proposed::Stopped { stopped, usage };
            }
        };
        let mut proposal = Box::new(FixProposal {
            provider: reply.provider,
            model: Some(reply.model),
            bugs: request.bugs.iter().map(|b| b.fingerprint.clone()).collect(),
            context_level: request.level.clamp(1, MAX_LEVEL),
            confidence: 0.0,
            reason: String::new(),
            edits: Vec::new(),
            command: None,
            window: context.window(),
            reverts: None,
            usage: reply.usage,
        });
        let read = match read(&reply.text) {
            Ok(read) => read,
            // The model layer has checked it already.
            Err(why) => return Proposed::Nothing { proposal, why },
        };
        proposal.confidence = read.confidence;
        // Cleaned first: what hides between its letters would hide a secret.
        proposal.reason = one_line(&self.redactor.redact(&clean(&read.reason)), 200);
        self.judge(request, &context, proposal, read)
    }

    /// What a reply comes to: a fix, a question for more, or nothing.
    fn judge(
        &self,
        request: &FixRequest<'_>,
        context: &Context,
        mut proposal: Box<FixProposal>,
        read: Reply,
    ) -> Proposed {
        let needs = resolve(&read.needs, request.bugs, request.tree, &self.options.paths, context);
        if !needs.is_empty() {
            return Proposed::Needs { proposal, needs };
        }
        match read.edits {
            Err(reason) => Proposed::Rejected { proposal, reason },
            Ok(edits) if edits.is_empty() => {
                let why = proposal.reason.clone();
                Proposed::Nothing { proposal, why }
            }
            Ok(edits) => {
                proposal.window.extend(where_new_files_may_go(&edits, context));
                if proposal.window.is_empty() {
                    // Nothing editable was shown, and an empty window would allow anything.
                    let path = edits[0].path.clone();
                    proposal.window.push(LineWindow { path, first: 0, last: 0 });
                }
                proposal.edits = edits;
                Proposed::Proposal(proposal)
            }
        }
    }
}

/// New files count as inside where the files beside them were shown.
fn where_new_files_may_go(edits: &[Edit], context: &Context) -> Vec<LineWindow> {
    edits
        .iter()
        .filter(|edit| edit.find.is_empty())
        .filter(|edit| context.listings.iter().any(|l| l.folder == edit.path.parent()))
        .map(|edit| LineWindow { path: edit.path.clone(), first: 1, last: 1 })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;

    use super::*;
    use crate::contract::bug::Category;
    use crate::contract::model::ModelReply;
    use crate::fixer::testing::{MemoryTree, bug};

    struct Says(&'static str);
    impl AskModel for Says {
        fn ask<'a>(
            &'a mut self,
            _: &'a ModelRequest,
        ) -> Pin<Box<dyn Future<Output = Result<ModelReply, NoReply>> + Send + 'a>> {
            Box::pin(async {
                Ok(ModelReply {
                    provider: "gemini".to_owned(),
                    model: "m".to_owned(),
                    text: self.0.to_owned(),
                    usage: Usage { tokens_in: 7, ..Usage::default() },
                })
            })
        }
    }

    async fn ask(text: &'static str, file: &str) -> Proposed {
        let tree = MemoryTree::new(&[("a.py", "x = 1\n")]);
        let bugs = [bug("x", Category::Type, file, 1, "m")];
        let agent = FixAgent::new(FixOptions::new(&[]).unwrap(), Redactor::default());
        let request = FixRequest {
            bugs: &bugs,
            tree: &tree,
            level: 1,
            needs: &[],
            history: &[],
            log: "",
            facts: "",
            leads: Leads::default(),
            tokens_left: 1000,
            cost_left: None,
            deadline: Instant::now(),
        };
        agent.propose(&mut Says(text), &request).await
    }

    #[tokio::test]
    async fn replies_become_proposals_or_say_why_not() {
        const FIX: &str =
            r#"{"reason":"r","confidence":0.8,"edits":[{"path":"a.py","find":"1","replace":"2"}]}"#;
        let Proposed::Proposal(proposal) = ask(FIX, "a.py").await else { panic!("no proposal") };
        assert_eq!((proposal.confidence, proposal.window.len(), proposal.usage.tokens_in), (0.8, 1, 7));
        let none = ask(r#"{"reason":"need more","confidence":0,"edits":[]}"#, "a.py").await;
        assert!(matches!(&none, Proposed::Nothing { why, .. } if why == "need more"));
        assert_eq!(none.usage().tokens_in, 7);
        let outside = r#"{"reason":"r","confidence":0.8,"edits":[{"path":"../a","find":"1","replace":"2"}]}"#;
        assert!(matches!(
            ask(outside, "a.py").await,
            Proposed::Rejected { reason: Rejection::Path { .. }, .. }
        ));
        // Nothing was shown: the edits are judged as outside, not as free.
        let Proposed::Proposal(unseen) = ask(FIX, "missing.py").await else { panic!("no proposal") };
        let tree = MemoryTree::new(&[("a.py", "x = 1\n")]);
        let changes = crate::fixer::apply(&unseen.edits, &unseen.window, &tree).unwrap();
        let options = FixOptions::new(&[]).unwrap();
        let verdict = crate::fixer::gate(&unseen, &changes, (&[], &[]), &tree, &options, &[]);
        assert!(matches!(verdict, Err(Rejection::OutsideWindow { .. })), "{verdict:?}");
        assert!(crate::fixer::widen(&unseen, &changes, &[], &tree, &options).is_some());
    }

    #[tokio::test]
    async fn a_reply_that_names_what_it_needs_is_a_question() {
        const NEEDS: &str = r#"{"reason":"r","confidence":0,"edits":[{"needs":"a.py"}]}"#;
        let asked = ask(NEEDS, "missing.py").await;
        let Proposed::Needs { needs, proposal } = &asked else { panic!("{asked:?}") };
        assert_eq!((needs[0].to_string(), proposal.edits.len()), ("a.py lines 1-1".to_owned(), 0));
        assert_eq!(asked.usage().tokens_in, 7);
        // What is shown already, or is not there, is nothing to ask for.
        assert!(matches!(ask(NEEDS, "a.py").await, Proposed::Nothing { .. }));
    }
}
