import { type ControlPlane, highestOf, lowestOf } from '../../domain/control-plane.ts';

/** `17.4.2`, or `17.4.1 to 17.4.2` where its parts run different versions; null for one that is not known. */
export function describePlane(plane: Pick<ControlPlane, 'version' | 'highest'> | undefined): string | null {
  if (!plane) return null;
  const [lowest, highest] = [lowestOf(plane), highestOf(plane)];
  return lowest === highest ? lowest : `${lowest} to ${highest}`;
}
