export interface Notification {
  readonly event: "promoted" | "rolled-back" | "failed" | "succeeded";
  readonly model: string;
  readonly servedName?: string | undefined;
  readonly workflow?: string | undefined;
  readonly message?: string | undefined;
}

const titles = {
  promoted: "is live",
  "rolled-back": "is live again",
  failed: "was not deployed",
  succeeded: "is done",
} as const;

const COLOURS = { good: 0x2eb67d, bad: 0xe01e5a } as const;
/** Discord refuses longer descriptions. */
const DISCORD_DESCRIPTION = 4096;

/** The body that the webhook of Slack or Discord takes. */
export function formatNotification(format: "slack" | "discord", notification: Notification): object {
  const { event, model, servedName, workflow, message } = notification;
  const title = `${servedName ?? model} ${titles[event]}`;
  const lines = [message, workflow === undefined ? undefined : `workflow ${workflow}`].filter(
    (line) => line !== undefined && line !== "",
  ) as string[];
  if (format === "slack") return { text: [`*${slackText(title)}*`, ...lines.map(slackText)].join("\n") };
  return {
    // Nobody is called by what a message happens to contain.
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title,
        description: lines.join("\n").slice(0, DISCORD_DESCRIPTION),
        color: event === "failed" ? COLOURS.bad : COLOURS.good,
      },
    ],
  };
}

/** Slack's three control characters, which would make links and mentions. */
function slackText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
