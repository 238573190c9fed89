#!/bin/sh
# Heals the commit that a job of any CI failed on, without GitHub: a proven fix becomes .ci-healer/fix.patch and a branch
# heal/<branch>-<commit> of the clone, which is pushed to `origin` where HEAL_PUSH=true. The checkout stays as it is.
#
# Needs: ci-healer on PATH, git, a Docker engine, and a key where models are to be asked (GEMINI_API_KEY, …).
# Arguments go to `ci-healer heal` (--command 'make test', --job test, …). Exit: as ci-healer's.
set -eu

# Each CI has its own names for what failed.
if [ -n "${GITLAB_CI:-}" ]; then
  commit=$CI_COMMIT_SHA branch=${CI_MERGE_REQUEST_SOURCE_BRANCH_NAME:-$CI_COMMIT_REF_NAME}
elif [ -n "${BUILDKITE:-}" ]; then
  commit=$BUILDKITE_COMMIT branch=$BUILDKITE_BRANCH
elif [ -n "${JENKINS_URL:-}" ]; then
  commit=${GIT_COMMIT:-HEAD} branch=${CHANGE_BRANCH:-${BRANCH_NAME:-${GIT_BRANCH:-detached}}}
  branch=${branch#origin/}
elif [ -n "${FORGEJO_ACTIONS:-}${GITEA_ACTIONS:-}" ]; then
  commit=$GITHUB_SHA branch=${GITHUB_HEAD_REF:-$GITHUB_REF_NAME}
else
  commit=HEAD branch=$(git branch --show-current)
fi
commit=$(git rev-parse --verify "$commit^{commit}")
heal=heal/${branch:-detached}-$(git rev-parse --short=7 "$commit")

rm -f .ci-healer/fix.patch .ci-healer/proof.json
code=0
# Forgejo's and Gitea's runners call themselves GitHub's, whose API they do not have.
env -u GITHUB_ACTIONS ci-healer heal --no-push --commit "$commit" "$@" || code=$?
if [ ! -s .ci-healer/fix.patch ] || [ ! -s .ci-healer/proof.json ]; then
  exit "$code"
fi

# The branch is made beside the checkout and its index.
index=$(mktemp -d)
trap 'rm -rf "$index"' EXIT
export GIT_INDEX_FILE="$index/index"
git read-tree "$commit"
git apply --cached .ci-healer/fix.patch
name=${HEAL_NAME:-ci-healer} email=${HEAL_EMAIL:-ci-healer@localhost}
made=$(git -c user.name="$name" -c user.email="$email" commit-tree "$(git write-tree)" -p "$commit" \
  -m "fix: heal of $(git rev-parse --short=7 "$commit")" -m "Proven: see .ci-healer/summary.md of the job.")
unset GIT_INDEX_FILE
git branch --force "$heal" "$made"
echo "healed: $heal ($made), and .ci-healer/fix.patch"
if [ "${HEAL_PUSH:-}" = true ]; then
  git push origin "$heal"
fi
exit "$code"
