/** What the recorded state says of who must be there before whom, which is the order of deletion backwards. */

/** One resource of a state, as `pulumi stack export` writes it. */
export interface Recorded {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  readonly provider?: string;
  readonly dependencies?: readonly string[];
  readonly propertyDependencies?: Readonly<Record<string, readonly string[] | null>>;
  readonly deletedWith?: string;
  readonly retainOnDelete?: boolean;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

export const nameOf = ({ urn }: Recorded): string => urn.slice(urn.lastIndexOf("::") + 2);

/** Resources that must be there before this one, however far away. */
export function before(state: readonly Recorded[], start: Recorded): ReadonlySet<string> {
  const byUrn = new Map(state.map((resource) => [resource.urn, resource]));
  const found = new Set<string>();
  const visit = (urn: string | undefined): void => {
    const resource = urn === undefined ? undefined : byUrn.get(urn);
    if (resource === undefined || found.has(resource.urn)) return;
    found.add(resource.urn);
    for (const next of direct(resource)) visit(next);
  };
  for (const next of direct(start)) visit(next);
  return found;
}

function direct({ parent, provider, dependencies, propertyDependencies }: Recorded): (string | undefined)[] {
  return [
    parent,
    // A provider reference is the provider's URN and id.
    provider?.slice(0, provider.lastIndexOf("::")),
    ...(dependencies ?? []),
    ...Object.values(propertyDependencies ?? {}).flatMap((urns) => urns ?? []),
  ];
}

/** Whether a resource lies under a component of one of these types. */
export function under(state: readonly Recorded[], resource: Recorded, types: readonly string[]): boolean {
  const parent = state.find(({ urn }) => urn === resource.parent);
  return parent !== undefined && (types.includes(parent.type) || under(state, parent, types));
}
