//! Settings with a fixed list of values: each enum, and the words for it, exist once.

/// An enum whose variants have one name each, as inputs and reports write them.
macro_rules! setting {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const NAMES: &[&str] = &[$($text),+];

            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl $crate::contract::settings::Setting for $name {
            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

pub(super) use setting;

/// What is read by its name.
pub trait Setting: Sized {
    /// The value that has exactly this name.
    fn from_name(name: &str) -> Option<Self>;
}

setting! {
    /// `actions-mode`
    ActionsMode {
        /// Known set-up actions by rules where an image has the version; the others for real.
        Auto = "auto",
        /// By rules alone: nothing is fetched, and what has no rule is left out.
        Rules = "rules",
        /// Every action for real that is not left out on purpose.
        Real = "real",
    }
}

setting! {
    /// `mode`
    Mode {
        Heal = "heal",
        Diagnose = "diagnose",
        Patch = "patch",
        Publish = "publish",
    }
}

setting! {
    /// `on-partial`: what becomes of fixes that are proven for their own failures while others stay red.
    OnPartial {
        Publish = "publish",
        Patch = "patch",
        Nothing = "nothing",
    }
}

setting! {
    /// One name of `providers`.
    ProviderName {
        Toolchain = "toolchain",
        /// A program in the place of a model server.
        Command = "command",
        Gemini = "gemini",
        Groq = "groq",
        OpenAi = "openai",
        History = "history",
    }
}

setting! {
    /// `sandbox-network`
    Network {
        On = "on",
        Off = "off",
        /// Until the plan's leading set-up steps are done.
        SetupOnly = "setup-only",
    }
}

setting! {
    /// `sandbox-hardening`
    Hardening {
        /// As hosted runners do: root through `sudo`, most capabilities.
        Compatible = "compatible",
        /// No capabilities, no new privileges, an unprivileged user.
        Strict = "strict",
    }
}

setting! {
    /// `sandbox-docker`
    SandboxDocker {
        /// Steps that call Docker cannot run.
        Off = "off",
        /// They have an engine of their own, in a privileged container.
        On = "on",
    }
}

setting! {
    /// `sandbox-token`
    SandboxToken {
        /// `${{ github.token }}` is empty.
        Off = "off",
        /// It is the job's own, which can only read.
        Read = "read",
    }
}

setting! {
    /// `commit-mode`, after `auto` has been decided by where we run.
    CommitMode {
        /// The Git Data API.
        Api = "api",
        /// A push.
        Git = "git",
    }
}

setting! {
    /// `pull-request`
    PullRequestMode {
        Auto = "auto",
        Always = "always",
        Draft = "draft",
        Never = "never",
    }
}

setting! {
    /// `require-counter-proof`
    CounterProofRule {
        /// Where one can be made, it has to hold.
        Auto = "auto",
        /// No heal without one.
        Required = "true",
        /// None is made.
        Off = "false",
    }
}

setting! {
    /// `fail-on`
    FailOn {
        Unhealed = "unhealed",
        Error = "error",
        Never = "never",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for name in PullRequestMode::NAMES {
            assert_eq!(PullRequestMode::from_name(name).map(PullRequestMode::as_str), Some(*name));
        }
        assert_eq!(Network::from_name("setup-only"), Some(Network::SetupOnly));
        assert_eq!(Mode::from_name("Heal"), None);
    }
}
