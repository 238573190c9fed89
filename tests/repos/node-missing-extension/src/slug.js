import { words } from './words';

export function slug(title) {
  return words(title).join('-');
}
