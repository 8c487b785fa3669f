import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

export interface BudgetArgs {
  readonly accountId: string;
  readonly monthlyUsd: number;
  readonly emails: readonly string[];
}

/**
 * Mail when the account's costs of a month pass 80 % of the budget, or look as if they will pass all of it.
 *
 * It counts the whole account: tags reach a bill only after someone has activated them there, and what is
 * not tagged costs as much.
 */
export function createBudget(
  name: string,
  args: BudgetArgs,
  opts: pulumi.CustomResourceOptions,
): aws.budgets.Budget {
  const alarm = (notificationType: "ACTUAL" | "FORECASTED", threshold: number) => ({
    comparisonOperator: "GREATER_THAN",
    notificationType,
    threshold,
    thresholdType: "PERCENTAGE",
    subscriberEmailAddresses: [...args.emails],
  });
  return new aws.budgets.Budget(
    name,
    {
      accountId: args.accountId,
      budgetType: "COST",
      timeUnit: "MONTHLY",
      limitAmount: args.monthlyUsd.toFixed(2),
      limitUnit: "USD",
      notifications: [alarm("ACTUAL", 80), alarm("ACTUAL", 100), alarm("FORECASTED", 100)],
    },
    opts,
  );
}
