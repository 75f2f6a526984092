//! What words say, as plain lists: what one does, what one hopes to see, what says nothing.
//!
//! General words only, none of any system's own. Other languages have short lists, and what is in no list counts neither way.

use std::sync::LazyLock;

/// Words or phrases, with a comma after each.
pub type List = LazyLock<Vec<&'static str>>;

/// Single words that are looked up and never shown: in the order of their letters.
pub struct Set(Vec<&'static str>);

impl Set {
    fn of(list: &'static str) -> Self {
        let mut words = split(list);
        words.sort_unstable();
        Self(words)
    }

    /// Whether a word is one of them.
    pub fn contains(&self, low: &str) -> bool {
        self.0.binary_search(&low).is_ok()
    }
}

fn split(list: &'static str) -> Vec<&'static str> {
    list.split(", ").collect()
}

/// What an action does to a system, lightest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Does {
    /// Looks, and leaves all as it was.
    Reads,
    /// Runs, starts, stops, sends, moves: what runs there anyway, once more or not.
    Runs,
    /// Changes what is kept.
    Changes,
    /// Takes away for good.
    Deletes,
}

/// Verbs that look at something without saying for what.
pub static LOOSE: List = LazyLock::new(|| {
    split(
        "look, see, check, investigate, analyse, analyze, debug, monitor, watch, review, understand, explore, \
         inspect, examine, diagnose, troubleshoot, help, support, work, handle, fix, repair, assess, browse, dig, \
         try, deal, continue, manage, improve, optimise, optimize, clean, tidy, maintain, resolve, solve, address, \
         adjust, tweak, play, experiment",
    )
});

/// Verbs that look, and say for what.
pub static READS: List = LazyLock::new(|| {
    split(
        "read, look, see, check, view, list, count, compare, find, tell, name, report, note, download, export, \
         fetch, get, pull, query, select, search, grep, print, show, copy, watch, verify, confirm, determine, \
         identify, measure, inspect, examine, review, collect, capture, investigate, analyse, analyze, monitor, \
         debug, trace, tail, describe, explain, dig, ping, dump, extract, reconcile, take, give, answer, establish, \
         observe, open, audit, cross-check",
    )
});

/// Verbs that run, start, stop, send or move.
pub static RUNS: List = LazyLock::new(|| {
    split(
        "restart, reboot, start, stop, run, rerun, re-run, retry, resend, re-send, send, requeue, release, flush, \
         purge, trigger, launch, kick, kill, end, drain, enable, disable, resume, pause, hold, unhold, replay, \
         redeliver, scale, rebuild, reindex, refresh, reload, publish, unpublish, deploy, redeploy, roll, rollback, \
         revert, fail, failover, switch, restore, reset, submit, push, repeat, process, reprocess, activate, \
         deactivate, cordon, uncordon, toggle, promote, turn, put, cycle, bounce, unlock, lock, block, unblock, \
         clear, invalidate, renew, evict, reroute, route, forward, redirect, reopen, close, open, free, recover, \
         bring, post, bump, cancel, test, regenerate, resync, sync, vacuum, mute, acknowledge, escalate, swap",
    )
});

/// Verbs that change what is kept.
pub static CHANGES: List = LazyLock::new(|| {
    split(
        "change, set, edit, correct, update, fix, raise, lower, increase, decrease, reduce, add, insert, write, \
         replace, rename, move, merge, import, upload, create, install, upgrade, configure, adjust, modify, patch, \
         apply, alter, migrate, rotate, mount, attach, detach, assign, grant, book, credit, refund, void, mark, \
         extend, shorten, link, unlink, re-link, relink, map, point, unsubscribe, convert, backfill, register, \
         issue, allow, exempt, lift, split, swap, transfer, load, reassign, undo, reverse, give, make, fill, bind, \
         tag, pin, shift, reinstate, whitelist, allowlist, repair, put, bump, translate, enter",
    )
});

/// Verbs that take away for good.
pub static DELETES: List =
    LazyLock::new(|| split("delete, remove, drop, erase, wipe, truncate, revoke, destroy, drain"));

/// Verbs of other languages, with what they do: Spanish, Portuguese, Italian, French, German, Dutch, Swedish, Polish, Russian.
pub static FOREIGN: [(Does, List); 4] = [
    (
        Does::Reads,
        LazyLock::new(|| {
            split(
                "revisar, ver, leer, comprobar, verificar, consultar, contar, comparar, averiguar, mirar, ler, \
                 conferir, checar, confirmar, listar, leggere, controllare, verificare, confrontare, contare, \
                 vérifier, verifier, lire, regarder, comparer, compter, consulter, noter, relever, contrôler, \
                 prüfen, pruefen, lesen, nachsehen, ansehen, anschauen, vergleichen, zählen, notieren, feststellen, \
                 auslesen, überprüfen, controleren, lezen, bekijken, nakijken, vergelijken, kontrollera, läsa, \
                 jämföra, sprawdzić, odczytać, porównać, проверить, посмотреть, прочитать, сравнить, записать, \
                 выяснить, zkontrolovat, tarkistaa, kontrol, revisamos, comprueba, verifica, controlla, prüfe, \
                 lies, vérifiez, 確認, 調べ, 見る, 检查, 查看, 确认, 확인",
            )
        }),
    ),
    (
        Does::Runs,
        LazyLock::new(|| {
            split(
                "reiniciar, arrancar, parar, detener, lanzar, reenviar, enviar, ejecutar, restaurar, publicar, \
                 desplegar, activar, desactivar, reintentar, executar, iniciar, riavviare, avviare, fermare, \
                 inviare, rinviare, ripristinare, pubblicare, redémarrer, redemarrer, relancer, arrêter, envoyer, \
                 renvoyer, restaurer, publier, activer, désactiver, purger, vider, neustarten, starten, stoppen, \
                 anhalten, senden, versenden, ausführen, wiederherstellen, veröffentlichen, aktivieren, \
                 deaktivieren, umleiten, umschalten, freigeben, sperren, entsperren, zurücksetzen, herstarten, \
                 opstarten, versturen, terugzetten, omleiden, starta, stoppa, skicka, uruchomić, zrestartować, \
                 wysłać, перезапустить, запустить, остановить, отправить, 再起動, 重启, 再送, 재시작",
            )
        }),
    ),
    (
        Does::Changes,
        LazyLock::new(|| {
            split(
                "cambiar, corregir, actualizar, modificar, añadir, agregar, poner, crear, sustituir, mover, \
                 ajustar, alterar, corrigir, atualizar, adicionar, criar, trocar, substituir, cambiare, correggere, \
                 aggiornare, modificare, aggiungere, creare, sostituire, impostare, spostare, changer, corriger, \
                 modifier, ajouter, créer, remplacer, mettre, déplacer, ändern, aendern, korrigieren, setzen, \
                 eintragen, hinzufügen, anlegen, ersetzen, verschieben, berichtigen, umstellen, einspielen, \
                 aktualisieren, erneuern, erhöhen, zurückstellen, wijzigen, aanpassen, corrigeren, toevoegen, \
                 vervangen, ändra, rätta, zmienić, poprawić, изменить, исправить, добавить, заменить, 変更, 修正, 修改, \
                 更新, 변경",
            )
        }),
    ),
    (
        Does::Deletes,
        LazyLock::new(|| {
            split(
                "borrar, eliminar, quitar, apagar, excluir, remover, eliminare, cancellare, rimuovere, supprimer, \
                 effacer, enlever, löschen, loeschen, entfernen, verwijderen, wissen, ta bort, usunąć, удалить, 削除, \
                 删除, 삭제",
            )
        }),
    ),
];

/// Before a verb, these change nothing: *please*, *then*, *I will*.
pub static LEADS: List = LazyLock::new(|| {
    split(
        "please, pls, plz, kindly, then, and, also, just, only, first, second, next, finally, i, i'll, i'd, i'm, \
         im, ill, we, we'll, will, would, want, wants, need, needs, to, like, have, must, shall, should, let's, \
         lets, so, now, asap, urgent, urgently, once, afterwards, after, going, gonna, task, todo, plan, am, \
         quickly, manually, again, else, otherwise, hi, hello, or, can, could, you, goal, step, by, bitte, por, \
         favor, per, favore, bonjour, hallo, carefully, temporarily, immediately, today, tonight, tomorrow, \
         planning, plus, &, both, in, order",
    )
});

/// After a word that could be a noun, these show that it is one: *the import failed*.
pub static BE: List = LazyLock::new(|| {
    split(
        "is, are, was, were, has, have, had, fails, failed, failing, fail, keeps, shows, stuck, does, did, do, \
         doesn't, isn't, aren't, cannot, can't, won't, seems, seem, looks, broken, must, problem, problems, issue, \
         issues, access, rights, stuff, thing, things, from, of",
    )
});

/// What one hopes to see.
pub static OUTCOMES: List = LazyLock::new(|| {
    split(
        "must, done when, fine when, until, expect, so that, afterwards, check that, check if, check whether, \
         verify, confirm, confirms, compare, make sure, ensure, should be, should show, should return, has to, \
         have to be, stays, stay below, falls, fall below, drops below, goes below, below, under, above, at least, \
         exactly, no more, is back, are back, back at, back to, back if, otherwise, else, returns, 200, green, \
         test order, test mail, test call, smoke test, once to, to check, to see if, to see whether, to prove, \
         to test, result goes, answer goes, tell, report to, hand to, so the, is left, be left, may be left, \
         are left, appears, appear, arrives, arrive, works again, visible, whether, which, why, how many, how much, \
         how long, who, when did, note, count, list, look at it, reload, see it, see that, watch, spot-check, \
         sample, roll back, rollback, wait until, wait for, can sign in, can log in, sign in again, matches, match, \
         agree, agrees, equals, gone, empty, zero, success, succeeds, verified, checked, once done, to decide, \
         for comparison, find out, to find, where the, cause, reason, test, again under, again above, prüfen, \
         kontrollieren, bis, damit, danach, warum, ob, wieder, muss, müssen, comprobar, verificar, hasta, debe, \
         deben, para que, por qué, cuántas, cuántos, si, vérifier, jusqu'à, doit, doivent, pourquoi, controllare, \
         verificare, deve, devono, finché, perché, confirmar, conferir, até, deverá, controleren, totdat, moet, \
         moeten, kontrollera, måste, sprawdzić, проверить, 确认, 確認, か",
    )
});

/// What says nothing that could be checked.
pub static VAGUE: List = LazyLock::new(|| {
    split(
        "something, anything, whatever, stuff, things, thing, various, several things, some things, misc, \
         miscellaneous, et cetera, etc, and so on, and more, general, generally, overall, housekeeping, hygiene, \
         clean up, cleanup, clean-up, maintenance, hardening, tuning, day-2, deep dive, health check, insights, \
         big picture, full picture, picture, impression, feeling, going on, look around, poke around, take a look, \
         have a look, quick look, a look around, look into, just in case, in case, as needed, if needed, when needed, where needed, \
         if necessary, as necessary, whenever, whichever, might, maybe, perhaps, possibly, will see, let's see, \
         probably, ongoing, on-call duties, on-call, on call, oncall, hypercare, steady state, some work, work on, \
         working on, some stuff, some tests, some testing, testing some, some changes, small changes, adjustments, \
         tweak, tweaks, improvements, improve, optimise, optimize, optimisation, optimization, as usual, the usual, \
         usual, day to day, daily business, comes up, comes in, come in, come up, pop up, small requests, \
         various requests, better understanding, get to know, familiar, understand, explore, exploration, \
         troubleshooting, troubleshoot, investigate, investigation, debug, debugging, analysis, analyse, analyze, \
         monitoring, keep an eye, support the, supporting, help out, all kinds, all sorts, kind of, sort of, \
         a few things, couple of things, some of, one of our, wherever, everything, trends, best practice, \
         best practices, pain points, roadmap, workshop, journey, synergies, for research, for testing, \
         for debugging, to be safe, be prepared, be ready, standby, stand by, handy, odd, weird, strange, funny, \
         off somehow, somehow, not right, not sure, no idea, unclear, somewhere, sometimes, some point, the team, \
         different things, a bit, bits and pieces, what happens, how things, what is wrong, what's wrong, \
         take care, take care of, look good, looks good, the like, as appropriate, as required, accordingly, \
         the necessary, where they belong, as it should, eventualities, on demand, varias cosas, algo, cosas, por si acaso, lo que, \
         revisar varias, mal funciona, diverses, diverse, divers, diversi, varie cose, varie, qualcosa, \
         alcune cose, certaines choses, quelque chose, au cas où, choses, verschiedenes, verschiedene, einiges, \
         irgendwas, irgendetwas, etwas, mal schauen, mal sehen, allgemein, allgemeine, vorsichtshalber, \
         für alle fälle, sicherheitshalber, umschauen, várias coisas, alguma coisa, por via das dúvidas, coisas, \
         iets, wat dingen, voor de zekerheid, lite saker, något, на всякий случай, что-то, разное, 念のため, いろいろ, 色々, \
         何か, 看看, 一些, 以防, 혹시",
    )
});

/// Haste and courtesy: no word of what will be done.
pub static HASTE: LazyLock<Set> = LazyLock::new(|| {
    Set::of(
        "asap, urgent, urgently, urgency, urgente, urgentemente, urgentes, immediately, quick, quickly, fast, now, \
         right, away, hurry, emergency, critical, prio, priority, p1, p0, sev1, sev-1, important, please, pls, plz, \
         thanks, thank, thx, ty, help, approve, approval, waiting, boss, management, manager, customer, customers, \
         dringend, eilig, sofort, schnell, bitte, danke, sehr, rápido, ya, gracias, favor, por, urgentissimo, \
         subito, grazie, vite, merci, rapidement, obrigado, obrigada, срочно, пожалуйста, нужен, спасибо, spoed, \
         high, highest, very, extremely, top, immediate, soon, possible, today, tonight, soonest, hi, hello, hey, \
         dear, all, team, guys, folks, need, needed, needs, require, required, want, must, can, could, would, like, \
         have, get, give, grant, let, allow, request, requesting, ask, asking, quiero, necesito, acceso, accès, \
         acces, accesso, acesso, zugang, zugriff, brauche, benötige, benötigen, besoin, j'ai, preciso, bisogno, ho, \
         доступ, toegang, nodig",
    )
});

/// Asking for access, and where: no word of what will be done there.
pub static ACCESS: LazyLock<Set> = LazyLock::new(|| {
    Set::of(
        "access, rights, permission, permissions, privileges, role, roles, admin, administrator, root, sudo, \
         superuser, login, credentials, account, prod, production, live, env, environment, db, database, server, \
         servers, system, systems, cluster, service, app, application, read, write, full, ssh, shell, console, \
         elevated, temporary, temp, more, here, there, todo, tbd, test, n/a, na, none, later, follow, follows, \
         work, task, reason, reasons, job, unblock, unlock, again, still, back",
    )
});

/// Words of pointing: with a ticket or a time behind them and nothing else, they say nothing.
pub static POINTING: LazyLock<Set> = LazyLock::new(|| {
    Set::of(
        "see, cf, refer, reference, ref, ticket, tickets, incident, change, issue, jira, link, same, as, like, \
         before, last, time, times, week, month, year, quarter, yesterday, earlier, previous, previously, above, \
         below, discussed, agreed, approved, described, mentioned, per, details, detail, chat, slack, mail, email, \
         e-mail, call, meeting, conversation, discussion, our, my, old, copy, copied, ditto, idem, procedure, \
         thing, story, once, more, another, usual, attached, description, siehe, wie, beim, letzten, letzte, mal, \
         gestern, vorher, wieder, gleiche, gleiches, dasselbe, igual, mismo, misma, que, la, vez, pasada, última, \
         ayer, véase, ver, voir, comme, dernière, fois, hier, même, come, l'ultima, volta, ieri, vedi, stesso, \
         mesmo, mesma, ontem, zie, zelfde, vorige, keer, som, sist, samma, förra, как, вчера, прошлый, раз, см, 前回, \
         同じ",
    )
});

/// Small words: they carry no meaning of their own.
static SMALL: LazyLock<Set> = LazyLock::new(|| {
    Set::of(
        "a, an, the, and, or, but, of, to, in, on, at, for, from, by, with, is, are, was, were, be, been, it, its, \
         this, that, these, those, there, i, me, my, we, us, our, you, your, he, she, they, them, their, his, her, \
         as, so, if, then, than, not, no, do, does, did, has, have, had, will, would, can, could, should, must, \
         may, please, pls, into, out, up, off, over, all, each, any, also, just, only, again, still, now, when, \
         while, which, who, what, where, how, whether, after, before, until, via, per, thanks, thank, hi, hello, \
         one, some, such, i'm, it's, i'd, i'll, der, die, das, und, ein, eine, zu, im, am, auf, ist, mit, für, von, \
         den, dem, el, la, los, las, y, de, en, un, una, con, le, les, et, du, des, il, lo, e, di, o, os, da, je, \
         ich, wir, es, too, very, here, back, because, since, between, about, same, more, other, soon, yet",
    )
});

/// Whether a word carries no meaning of its own.
pub fn is_small(low: &str) -> bool {
    SMALL.contains(low)
}

/// Words by which English is known.
pub static ENGLISH: LazyLock<Set> = LazyLock::new(|| {
    Set::of(
        "the, and, of, to, is, are, was, for, with, on, from, that, this, it, at, by, not, be, an, please, pls, \
         need, check, if, must, we, after, why, which, how, who, has, have, see, all, my",
    )
});

/// Words by which other languages are known.
pub static OTHER: LazyLock<Set> = LazyLock::new(|| {
    Set::of(
        "der, die, das, und, ist, nicht, für, den, dem, mit, von, auf, im, ein, eine, zu, el, los, las, de, la, \
         que, en, para, por, una, un, con, le, les, des, du, est, et, pour, dans, sur, il, di, che, per, della, \
         del, nella, e, os, da, do, em, uma, não, het, een, van, voor, niet, och, att, det, som, på, ett, jest, \
         nie, się, na, wir, bitte, wie, beim, siehe, ja, on, ei, ve, bir, için",
    )
});

/// What is wrong, as people say it.
pub static STATES: List = LazyLock::new(|| {
    split(
        "down, broken, slow, fails, failing, failed, stuck, hangs, hanging, not working, doesn't work, \
         does not work, don't work, cannot, can't, unable, error, errors, timeout, timeouts, timed out, denied, \
         outage, crash, crashes, crashed, crashing, unavailable, unreachable, refused, missing, wrong, problem, \
         problems, issue, issues, complain, complaining, complaints, impact, affected, degraded, spike, lag, huge, \
         growing, full, out of memory, exception, traceback, exit status, do not match, mismatch, dropping, high, \
         acting up, going wrong, went badly, upset, noise, geht nicht, funktioniert nicht, defekt, kaputt, fehler, \
         no funciona, fallando, falla, ne marche pas, en panne, non funziona, não funciona, caiu",
    )
});
