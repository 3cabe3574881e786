//! `whimbrel sign`: signs the manifest, or a plan, with the programs that hold the keys. No key is read here.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde_json::json;
use whimbrel::Digest;
use whimbrel::layout::{MANIFEST_FILE, SIGNATURE_FILE, SIGNATURE_LIMIT};
use whimbrel_sign::{NAMESPACE, SignedApprovals};

use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::exit::Code;
use crate::locking;
use crate::output::safe::shown;
use crate::sets;

/// Signs the manifest, or approves a plan, with ssh-keygen or minisign
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  whimbrel sign --key ~/.ssh/id_ed25519\n  whimbrel sign --key ~/.ssh/id_ed25519 --add            a second person\n  whimbrel sign --key minisign.key --minisign\n  whimbrel sign --key ~/.ssh/id_ed25519 --plan b3v1:… --out approval.sig\n\nThe key may be in an agent (then name its .pub file) or in a security key."
)]
pub(crate) struct Arguments {
    /// The key's file, for ssh-keygen or minisign
    #[arg(long, value_name = "PATH")]
    key: PathBuf,
    /// It is a key of minisign's
    #[arg(long)]
    minisign: bool,
    /// Add to the signatures that are there
    #[arg(long)]
    add: bool,
    /// Approve the plan with this digest instead
    #[arg(long, value_name = "DIGEST", requires = "out")]
    plan: Option<Digest>,
    /// With --plan: the file for the signature
    #[arg(long, value_name = "PATH", requires = "plan")]
    out: Option<PathBuf>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let mut signed = Vec::new();
    match (&arguments.plan, &arguments.out) {
        (Some(plan), Some(out)) => {
            let signature = sign(context, &arguments, SignedApprovals::text(plan).as_bytes())?;
            put(out, &signature, arguments.add)?;
            signed.push(out.clone());
        }
        _ => {
            for root in sets::roots(context)? {
                let manifest = root.join(MANIFEST_FILE);
                let bytes = fs::read(&manifest).map_err(|error| {
                    Failure::of(Code::Refused, format!("{} cannot be read: {error}", manifest.display()))
                        .with_next(context.command("lock"))
                })?;
                refuse_unlocked(context, &root)?;
                let signature = sign(context, &arguments, &bytes)?;
                let path = root.join(SIGNATURE_FILE);
                put(&path, &signature, arguments.add)?;
                signed.push(path);
            }
        }
    }
    let signed: Vec<String> = signed.iter().map(|path| path.display().to_string()).collect();
    let text: Vec<String> = signed.iter().map(|path| format!("signed: {}", shown(path))).collect();
    Ok(Answer::new(text.join("\n"), json!({ "signatures": signed })))
}

/// What is signed should be what lies there.
fn refuse_unlocked(context: &Context, root: &Path) -> Result<(), Failure> {
    let locked = locking::lock(context, &[root.to_owned()], &locking::Words::default())?;
    if let Some(locked) = locked.iter().find(|locked| locked.differs) {
        return Err(Failure::of(
            Code::Refused,
            format!("{} is not what lies beside it", locked.path.display()),
        )
        .with_next(context.command("lock")));
    }
    Ok(())
}

/// Lets the program that knows the key sign.
fn sign(context: &Context, arguments: &Arguments, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    if arguments.minisign {
        minisign(context, &arguments.key, bytes)
    } else {
        ssh(context, &arguments.key, bytes)
    }
}

/// Where what such a program says goes: it may ask for a touch or a password, where somebody sees it.
fn said_to(context: &Context) -> Stdio {
    if context.is_for_people() { Stdio::inherit() } else { Stdio::piped() }
}

fn not_signed(program: &'static str, said: &[u8]) -> Failure {
    let said = String::from_utf8_lossy(said).trim().to_owned();
    let failure = Failure::of(Code::Failed, format!("{program} has not signed"));
    if said.is_empty() {
        failure.with_note("why", "it says so above")
    } else {
        failure.with_note("why", said)
    }
}

fn ssh(context: &Context, key: &Path, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"]).arg(key);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(said_to(context))
        .spawn()
        .map_err(|error| missing("ssh-keygen", "openssh-client", &error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that has ended already says why in its own words.
        let _ = stdin.write_all(bytes);
    }
    let done = child.wait_with_output().map_err(|error| missing("ssh-keygen", "openssh-client", &error))?;
    if done.status.success() && !done.stdout.is_empty() {
        Ok(done.stdout)
    } else {
        Err(not_signed("ssh-keygen", &done.stderr)
            .with_next("name a private key of Ed25519, or the .pub file of one in the agent"))
    }
}

fn minisign(context: &Context, key: &Path, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::of(Code::Failed, format!("a temporary folder: {error}"));
    let folder = std::env::temp_dir().join(format!("whimbrel-sign-{}", std::process::id()));
    // It must be ours: what is signed could be changed by others otherwise.
    fs::create_dir(&folder).map_err(failed)?;
    let (message, signature) = (folder.join("message"), folder.join("signature"));
    let done = fs::write(&message, bytes).map_err(failed).and_then(|()| {
        let mut command = Command::new("minisign");
        command.arg("-S").arg("-s").arg(key).arg("-m").arg(&message).arg("-x").arg(&signature);
        let command = command.stdout(Stdio::null()).stderr(said_to(context));
        let child = command.spawn().and_then(std::process::Child::wait_with_output);
        child.map_err(|error| missing("minisign", "minisign", &error))
    });
    let read = fs::read(&signature);
    // What cannot be removed holds no secret.
    let _ = fs::remove_dir_all(&folder);
    let done = done?;
    match (done.status.success(), read) {
        (true, Ok(signature)) => Ok(signature),
        _ => Err(not_signed("minisign", &done.stderr)),
    }
}

fn missing(program: &str, package: &str, error: &std::io::Error) -> Failure {
    Failure::of(Code::Failed, format!("{program} cannot be run: {error}"))
        .with_next(format!("install it (on Debian the package {package})"))
}

fn put(path: &Path, signature: &[u8], add: bool) -> Result<(), Failure> {
    let mut all = Vec::new();
    if add {
        match File::open(path).and_then(|file| file.take(SIGNATURE_LIMIT + 1).read_to_end(&mut all)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                // Without them the new one would take their place.
                return Err(Failure::of(
                    Code::Failed,
                    format!("the signatures in {} cannot be read: {error}", path.display()),
                )
                .with_next("make the file readable, or leave --add out to begin anew"));
            }
            _ => {}
        }
    }
    if !all.is_empty() && !all.ends_with(b"\n") {
        all.push(b'\n');
    }
    all.extend_from_slice(signature);
    if all.len() as u64 > SIGNATURE_LIMIT {
        return Err(Failure::of(
            Code::Refused,
            format!("{} would have {} bytes, and may have {SIGNATURE_LIMIT}", path.display(), all.len()),
        )
        .with_next("leave --add out to begin anew, then let each signer sign once"));
    }
    fs::write(path, all)
        .map_err(|error| Failure::of(Code::Failed, format!("{} cannot be written: {error}", path.display())))
}
