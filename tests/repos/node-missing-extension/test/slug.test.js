import assert from 'node:assert/strict';
import { test } from 'node:test';

import { slug } from '../src/slug.js';

test('joins words by hyphens', () => {
  assert.equal(slug('Hello, big World!'), 'hello-big-world');
});
