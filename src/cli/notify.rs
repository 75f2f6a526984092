//! `nightlatch notify`: what I am told, brought to this desk while no dashboard is open.

use super::Outcome;
use super::exit::{Exit, Trouble};
use super::link::{Context, Got};
use crate::clock::{Clock, Stopwatch};
use crate::config::Paths;
use crate::notifier::{self, News, Opener, Seat, Start};
use crate::text::Instant;
use crate::wire::MeView;
use clap::Args;
use tokio::sync::mpsc;

/// So many clicks and sentences wait at most.
const WAITING: usize = 16;

/// Bring what I am told to this desk, for as long as no dashboard is open
#[derive(Debug, Clone, Copy, Args)]
pub struct Notify {}

impl Notify {
    /// Brings it until it is ended.
    pub async fn run(self, cx: &Context) -> Outcome {
        let settings = cx.settings()?;
        let link = cx.link().await?;
        let me: Got<MeView> = link.get("/v1/me").await?;
        let paths =
            Paths::find().map_err(|fault| Trouble::usage(fault.to_string(), "set HOME to a folder of yours"))?;
        let name = me.view.person.name.clone();
        let watch = Stopwatch::start(&Clock::system(Instant::default(), false));
        let start = Start { likes: settings.notify.clone(), paths, here: link.zone, seat: Seat::Alone, watch };
        let notifier = start.notifier(link.client.clone(), me.view).map_err(|why| {
            Trouble::fault(why, "make that folder yours alone, or set XDG_RUNTIME_DIR and XDG_STATE_HOME")
        })?;
        let cure = "that one serves every terminal of yours: leave it, or end it first";
        let _one = notifier.place.be_the_one().map_err(|why| Trouble::new(Exit::Refused, why, cure))?;
        let (clicked, clicks) = mpsc::unbounded_channel();
        let wanted = notifier::wanted(&settings.notify, Some(notifier.place.desktop()));
        let lines = notifier::lines(&wanted, &clicked);
        let channels: Vec<&str> = lines.iter().flatten().map(|channel| channel.name()).collect();
        if channels.is_empty() {
            return Err(Trouble::usage("there is no channel to bring anything by", "name one in [notify] channels"));
        }
        cx.out
            .remark(format!("what {name} is told comes here ({}); an open dashboard takes over", channels.join(", ")));
        let opener = Opener { argv: settings.notify.open, env: same_store(cx) };
        let (tell, mut news) = mpsc::channel(WAITING);
        let running = tokio::spawn(notifier.run(lines, clicks, tell));
        while let Some(news) = news.recv().await {
            match news {
                News::Open(number) => {
                    if let Err(why) = opener.open(number) {
                        cx.out.remark(why);
                    }
                }
                News::Said(words) => cx.out.remark(words),
            }
        }
        drop(running.await);
        Err(Trouble::fault("notifications have ended", "nightlatch doctor notify tries each channel"))
    }
}

/// What was named on the command line is named to whatever is opened, too.
fn same_store(cx: &Context) -> Vec<(&'static str, String)> {
    let config = cx.config.as_ref().map(|path| path.display().to_string());
    let named = [("NIGHTLATCH_STORE", cx.store.clone()), ("NIGHTLATCH_CONFIG", config)];
    named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
