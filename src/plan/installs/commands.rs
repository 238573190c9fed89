//! What single commands do: install, only look, or something else.

use super::{Look, join};

/// Change nothing that a fix could matter to, whatever their arguments.
const HARMLESS: [&str; 46] = [
    ":", "[", "[[", "break", "chmod", "command", "continue", "corepack", "date", "df", "done", "echo",
    "esac", "exit", "export", "false", "fi", "for", "free", "hash", "id", "in", "local", "ls", "mkdir",
    "nproc", "popd", "printf", "pushd", "pwd", "read", "return", "set", "shift", "shopt", "sleep", "test",
    "tree", "true", "type", "ulimit", "umask", "uname", "unset", "which", "whoami",
];

/// Bring programs from elsewhere.
const INSTALLERS: [&str; 24] = [
    "add-apt-repository",
    "apk",
    "apt",
    "apt-get",
    "asdf",
    "brew",
    "choco",
    "conda",
    "curl",
    "dnf",
    "dpkg",
    "gem",
    "gpg",
    "mamba",
    "microdnf",
    "mise",
    "nvm",
    "pyenv",
    "rbenv",
    "rustup",
    "sdk",
    "snap",
    "wget",
    "yum",
];

/// Use files and nothing else: those of the repository count.
const READERS: [&str; 14] = [
    "cat",
    "cp",
    "diff",
    "grep",
    "gunzip",
    "install",
    "ln",
    "mv",
    "rm",
    "sha256sum",
    "tar",
    "tee",
    "touch",
    "unzip",
];

impl Look<'_> {
    /// Whether a command only installs. `cd` moves `folder`.
    pub(super) fn command(&mut self, words: &[String], folder: &mut String) -> bool {
        let words = without_prefixes(words);
        let Some((name, arguments)) = words.split_first() else { return true };
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let last = name.rsplit('/').next().unwrap_or(name);
        match last {
            "cd" => match arguments.first() {
                Some(to) if super::is_outside(to) || to.contains('$') => false,
                Some(to) => join(folder, to).is_some_and(|there| {
                    *folder = there;
                    true
                }),
                None => false,
            },
            name if HARMLESS.contains(&name) || INSTALLERS.contains(&name) => true,
            name if READERS.contains(&name) => arguments.iter().all(|a| self.reads(a, folder)),
            "source" | "." => arguments.first().is_some_and(|path| {
                super::is_outside(path) || self.text(path, folder).is_none() || self.script_file(path, folder)
            }),
            // Without a file, what is piped in: an installer that was fetched.
            "sh" | "bash" => match arguments.iter().find(|a| !a.starts_with('-')) {
                _ if arguments.contains(&"-c") => false,
                Some(path) if !arguments.contains(&"-s") => self.script_file(path, folder),
                _ => true,
            },
            "git" => matches!(
                arguments[..],
                ["config", "--global" | "--system", ..] | ["lfs", "install", ..] | ["--version"]
            ),
            "make" | "gmake" => self.make(&arguments, folder),
            "just" => self.just(&arguments, folder),
            _ => self
                .package_manager(last, &arguments, folder)
                .unwrap_or_else(|| name.contains('/') && self.script_file(name, folder)),
        }
    }

    /// `None` where it is none.
    fn package_manager(&mut self, name: &str, arguments: &[&str], folder: &str) -> Option<bool> {
        let verb = arguments.iter().find(|a| !a.starts_with('-')).copied().unwrap_or_default();
        Some(match name {
            "pip" | "pip3" | "pipx" => self.pip(arguments, folder),
            "python" | "python3" => match arguments {
                ["-m", "pip", rest @ ..] => self.pip(rest, folder),
                ["-m", "venv" | "ensurepip" | "virtualenv", ..] | ["-m", "playwright", "install", ..] => true,
                ["--version" | "-V"] => true,
                [script, ..] if !script.starts_with('-') => self.script_file(script, folder),
                _ => false,
            },
            "virtualenv" => true,
            "uv" => match arguments {
                ["pip", rest @ ..] => self.pip(rest, folder),
                ["sync", ..] => !arguments.contains(&"--no-editable") && !self.has_native_code(),
                _ => matches!(verb, "venv" | "python" | "tool" | "lock" | "cache" | ""),
            },
            "poetry" | "pdm" => {
                matches!(verb, "install" | "sync" | "config" | "self" | "env" | "lock" | "check" | "")
                    && !self.has_native_code()
            }
            "pipenv" => matches!(verb, "install" | "sync"),
            "npm" | "pnpm" | "yarn" | "bun" => self.node(name, arguments, folder),
            "npx" => matches!(arguments, ["playwright", "install", ..] | ["--version"] | ["husky", ..]),
            "playwright" | "husky" | "lefthook" | "is-ci" => matches!(verb, "install" | "install-deps" | ""),
            "cargo" => match verb {
                "install" | "binstall" => !arguments.contains(&"--path"),
                verb => matches!(verb, "fetch" | "generate-lockfile" | ""),
            },
            "go" => match arguments {
                ["mod", "download" | "verify", ..] | ["env" | "version", ..] => true,
                ["install", rest @ ..] => rest.iter().all(|a| a.starts_with('-') || a.contains('@')),
                _ => false,
            },
            "mvn" | "mvnw" => {
                let goals: Vec<_> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
                goals.iter().all(|g| g.starts_with("dependency:")) && !arguments.is_empty()
            }
            "gradle" | "gradlew" => matches!(verb, "dependencies" | "") && !arguments.is_empty(),
            "bundle" | "bundler" | "composer" => matches!(verb, "install" | "config" | "validate" | ""),
            "pre-commit" => matches!(verb, "install-hooks" | ""),
            _ => return None,
        })
    }

    /// `pip install`: of the repository's own code only as a link to it.
    fn pip(&mut self, arguments: &[&str], folder: &str) -> bool {
        let Some((verb, rest)) = arguments.split_first() else { return false };
        if verb.starts_with('-') || matches!(*verb, "list" | "freeze" | "cache" | "config" | "check" | "show")
        {
            return true;
        }
        if *verb != "install" {
            return false;
        }
        let mut rest = rest.iter();
        while let Some(argument) = rest.next() {
            let known = match *argument {
                "-e" | "--editable" => {
                    rest.next();
                    !self.has_native_code()
                }
                "-r" | "-c" | "--requirement" | "--constraint" => {
                    rest.next().is_some_and(|f| self.reads(f, folder))
                }
                flag if flag.starts_with("-e") || flag.starts_with("--editable=") => !self.has_native_code(),
                flag if flag.starts_with("-r") => self.reads(&flag[2..], folder),
                flag if flag.starts_with('-') => true,
                package => !self.is_local(package, folder),
            };
            if !known {
                return false;
            }
        }
        true
    }

    /// A package that lies here, as against one that a registry has.
    fn is_local(&self, package: &str, folder: &str) -> bool {
        let path = package.split(['[', '=', '<', '>', '!', '~', ';', ' ']).next().unwrap_or(package);
        path.starts_with('.')
            || path.contains('*')
            || path.starts_with('/')
            || [".whl", ".tar.gz", ".tgz"].iter().any(|end| path.ends_with(end))
            || join(folder, path).is_some_and(|path| self.is_folder(&path))
    }

    /// An editable install compiles it, and a fix in it would not be seen.
    fn has_native_code(&self) -> bool {
        const SIGNS: [&str; 7] =
            ["ext_modules", "Extension(", "maturin", "scikit-build", "mesonpy", "cython", "setuptools-rust"];
        let manifests =
            self.tree.files().iter().filter(|f| ["setup.py", "pyproject.toml"].contains(&f.path.file_name()));
        let mut texts = manifests.filter_map(|f| self.tree.read_text(&f.path));
        texts.any(|text| SIGNS.iter().any(|sign| text.to_lowercase().contains(&sign.to_lowercase())))
    }

    /// npm and those like it: installing runs scripts of the repository, and names of scripts stand for what they do.
    fn node(&mut self, name: &str, arguments: &[&str], folder: &str) -> bool {
        const LIFE_CYCLE: [&str; 7] =
            ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];
        let plain: Vec<&str> = arguments.iter().filter(|a| !a.starts_with('-')).copied().collect();
        let installs = match plain[..] {
            [] => name == "yarn" || !arguments.is_empty(),
            ["ci" | "i" | "install" | "fetch" | "add", ref packages @ ..] => {
                if packages.iter().any(|p| self.is_local(p, folder)) {
                    return false;
                }
                true
            }
            ["config" | "cache" | "set" | "env" | "--version" | "root" | "prefix" | "global", ..] => {
                return true;
            }
            ["run" | "run-script", script, ..] => return self.npm_script(script, folder),
            [script, ..] => return self.npm_script(script, folder),
        };
        let ignores = arguments.contains(&"--ignore-scripts")
            || arguments.contains(&"-g")
            || arguments.contains(&"--global");
        installs
            && (ignores
                || LIFE_CYCLE
                    .iter()
                    .all(|script| !self.has_npm_script(script, folder) || self.npm_script(script, folder)))
    }
}

/// Without keywords, assignments, and what runs a command in another way.
pub(in crate::plan) fn without_prefixes(words: &[String]) -> &[String] {
    let mut words = words;
    while let Some((first, rest)) = words.split_first() {
        let is_assignment = first.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        match first.as_str() {
            "sudo" | "time" | "exec" | "then" | "do" | "else" | "elif" | "!" | "if" | "env" | "while"
            | "until" | "{" | "}" => {
                words = rest;
                while let Some((option, rest)) = words.split_first().filter(|(o, _)| o.starts_with('-')) {
                    let takes_value = matches!(option.as_str(), "-u" | "-g");
                    words = if takes_value { rest.get(1..).unwrap_or_default() } else { rest };
                }
            }
            _ if is_assignment => words = rest,
            _ => break,
        }
    }
    words
}
