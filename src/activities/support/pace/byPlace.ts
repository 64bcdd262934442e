import { targetKey, type Target } from '../../../model/target';

/** One of something for each place, made when it is first asked for: what all runs in this process share. */
export function byPlace<Value>(make: () => Value): (place: Target) => Value {
  const made = new Map<string, Value>();
  return (place) => {
    const key = targetKey(place);
    const value = made.get(key) ?? make();
    made.set(key, value);
    return value;
  };
}
