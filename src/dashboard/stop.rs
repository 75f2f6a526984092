//! Stopping, as Ctrl-Z and SIGTSTP ask for it: after the terminal was given back, and only where somebody could continue us.
//!
//! We hear SIGTSTP ourselves, so that the terminal is left first; so we also judge what the system judges otherwise: a job that
//! no shell looks after is not stopped by its terminal.

use rustix::process::{
    Pid, Signal, getpgid, getpgrp, getpid, getppid, getsid, kill_current_process_group, kill_process,
};

/// So many parents are looked at.
const DEEPEST: usize = 64;

/// Stops this process, and with `job` whatever was started with it. Comes back when it was continued; at once, where nobody could.
pub fn stop(job: bool) {
    if !has_a_shell() {
        return;
    }
    if job {
        // The others of the job do as they like; we hear it too, and are about to stop anyway.
        let _ = kill_current_process_group(Signal::TSTP);
    }
    let _ = kill_process(getpid(), Signal::STOP);
}

/// Whether somebody outside the job, in the same session, started it: a shell that continues what it stopped.
fn has_a_shell() -> bool {
    let (group, Ok(session)) = (getpgrp(), getsid(None)) else { return false };
    let mut parent = getppid();
    for _ in 0..DEEPEST {
        let Some(pid) = parent else { return false };
        match getpgid(Some(pid)) {
            Ok(theirs) if theirs == group => parent = parent_of(pid),
            Ok(_) => return getsid(Some(pid)).is_ok_and(|theirs| theirs == session),
            Err(_) => return false,
        }
    }
    false
}

/// The parent of another process, where the system tells.
fn parent_of(pid: Pid) -> Option<Pid> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name in brackets may hold anything; what follows the last bracket is state and parent.
    let (_, rest) = text.rsplit_once(')')?;
    Pid::from_raw(rest.split_whitespace().nth(1)?.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_of_a_process_is_read() {
        assert_eq!(parent_of(getpid()), getppid());
    }
}
