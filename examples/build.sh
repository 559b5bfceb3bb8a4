# Sourced by the programs of this folder: finds Java and builds the jars they need, if a source has changed.
# Sets: repository, examples (its build folder), java.
repository=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd -P)
examples=$repository/examples/target
jars=("$repository/queue-worker/target/queue-worker.jar" "$examples/examples.jar")
stamp=$examples/quickstart.built

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

java=java
[[ -n ${JAVA_HOME:-} && -x $JAVA_HOME/bin/java ]] && java=$JAVA_HOME/bin/java
command -v "$java" > /dev/null || die "Java 17 or newer is needed, and there is no java on the PATH."
version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
[[ ${version:-0} -ge 17 ]] || die "Java 17 or newer is needed, but $java is ${version:-of an unknown version}."

# Whether nothing that goes into the jars has changed since that file was written.
newer_than_sources() {
    [[ -e $1 && -z $(find "$repository"/pom.xml "$repository"/*/pom.xml "$repository"/*/src/main -newer "$1" -print -quit) ]]
}

# Maven leaves a jar alone whose content is the same, and so older than a file that was only touched: hence the stamp.
is_built() {
    local jar
    for jar in "${jars[@]}" "$examples/lib"; do
        [[ -e $jar ]] || return 1
    done
    newer_than_sources "$stamp" || { newer_than_sources "${jars[0]}" && newer_than_sources "${jars[1]}"; }
}

if ! is_built; then
    command -v mvn > /dev/null || die "Maven 3.8.6 or newer is needed to build, and there is no mvn on the PATH."
    echo >&2 "Building (a minute or so; the first time, Maven downloads what it needs) …"
    log=$(mktemp)
    started=$(mktemp)
    trap 'rm -f "$log" "$started"' EXIT
    mvn -q -B -ntp -Dstyle.color=never -f "$repository/pom.xml" -pl queue-worker,examples -am \
        -P '!error-prone' -DskipTests -Djacoco.skip=true -Dspotless.check.skip=true package < /dev/null > "$log" 2>&1 || {
        cat "$log" >&2
        die "The build failed; what Maven says is above."
    }
    # A source that was changed during the build is newer than this.
    touch -r "$started" "$stamp"
    rm -f "$log" "$started"
fi

# Without a UTF-8 locale Java can't name files whose names are not ASCII.
case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
    *UTF-8* | *utf8* | *UTF8* | *utf-8*) ;;
    *) [[ $(uname) == Linux ]] && export LC_ALL=C.UTF-8 ;;
esac
